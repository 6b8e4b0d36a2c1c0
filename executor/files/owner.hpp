// --chown and the owner of a WORKDIR: from what is written to numbers.
#pragma once

#include <cache/layers/stack.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway {

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool operator==(const Owner&) const = default;
};

// "user", "user:group", each a name or a number; "" gives nothing. Names are looked up in the
// destination's own /etc/passwd and /etc/group, with BuildKit's answers: a number alone is the
// group's too, an unknown user is 0, an unknown group leaves the user's. Throws Error for a name
// where there is no file system to look it up in, and for a passwd of more than 10 MiB.
std::optional<Owner> parse_owner(std::string_view text, const StackView& destination);

}  // namespace slipway
