// Who a step runs as, by the image's own /etc/passwd and /etc/group.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct RunUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;  // supplementary ones, the own group first
  std::string home = "/";
};

// `user` as USER has it: empty (root), "name", "uid", "name:group", "uid:gid". Digits are a number
// and never looked up as a name. A number that passwd knows brings that line's group and home; one
// that it does not know has group 0. An explicit group leaves the supplementary ones out. Lines
// that are malformed are passed over. Throws Error where a name is not known or a number is above
// 2147483647.
RunUser find_user(std::string_view user, std::string_view passwd, std::string_view group);

// The number of a group that is asked for by its name, or as a number. Throws Error.
std::uint32_t find_group(std::string_view asked, std::string_view group);

}  // namespace slipway
