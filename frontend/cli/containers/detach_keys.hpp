// The keys that leave a container's terminal without ending its program.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway {

// "ctrl-p,ctrl-q" as the bytes that a terminal sends for it. Empty: docker's, which are these.
// Throws Error.
std::string parse_detach_keys(const std::string& text);

// Looks for them in what is typed.
class DetachKeys {
 public:
  // `keys` as parse_detach_keys() gives them; empty: nothing leaves.
  explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}

  // What of the typed is the program's. The beginning of the keys is kept back until it is known
  // whether the rest comes.
  std::string pass(std::string_view typed);
  bool complete() const { return !keys_.empty() && matched_ == keys_.size(); }

 private:
  const std::string keys_;
  std::size_t matched_ = 0;
};

}  // namespace slipway
