// The patterns of ${v#p}, ${v%p} and ${v/p/r} (reference.md#environment-replacement).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// '*' is any text and '?' any character, of one line; \* \? and \\ are those characters, and so are
// \} and \/, which cannot stand in ${} without it. All else is itself.
class Glob {
 public:
  // Throws Error on any other escape.
  explicit Glob(std::string_view pattern);
  // The pattern of ${v%p}, for suffix(). BuildKit reads it from its end, so that a '\\' which nothing
  // follows belongs to what stands before it.
  static Glob of_suffix(std::string_view pattern);

  // Bytes of the shortest or longest start of `text` that matches; nothing if none does.
  std::optional<std::size_t> prefix(std::string_view text, bool longest) const;
  // The same for its end.
  std::optional<std::size_t> suffix(std::string_view text, bool longest) const;
  // The first place that matches, and the longest match there: offset and length, bytes. Linear in
  // the text for a given pattern.
  std::optional<std::pair<std::size_t, std::size_t>> find(std::string_view text) const;

 private:
  struct Step {
    enum class Kind { literal, any, star };
    Kind kind = Kind::literal;
    char32_t value = 0;
  };

  std::vector<Step> steps_;
};

}  // namespace slipway
