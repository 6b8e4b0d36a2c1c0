// --chmod: what becomes of a mode.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace slipway {

class ModeChange {
 public:
  // Changes nothing.
  ModeChange() = default;
  // "0755", or chmod(1)'s symbolic form with an empty umask: "u=rwX,go-w". "" changes nothing.
  // Throws Error on anything else.
  explicit ModeChange(std::string_view text);

  // `mode` is 07777 at most; so is the result.
  std::uint32_t apply(std::uint32_t mode, bool directory) const;
  // Of a directory that has no source: an octal mode's permission bits, else 0755, as BuildKit.
  std::uint32_t of_made_directory() const;

 private:
  struct Clause {
    char operation = '=';         // = + -
    std::uint32_t who = 0;        // the bits that may change
    std::uint32_t bits = 0;       // the bits it names
    bool conditional_x = false;   // X: x where it is a directory, or anybody has x
    char copied = 0;              // u g o: the bits of those; 0: none
  };

  bool octal_ = false;
  std::uint32_t mode_ = 0;
  std::vector<Clause> clauses_;
};

}  // namespace slipway
