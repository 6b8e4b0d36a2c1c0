#include <executor/sandbox/users.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>

namespace slipway {
namespace {

// A member list may be long; what comes after this many groups is left out, as the kernel would.
constexpr std::size_t most_groups = 65536;
// 4294967295 would mean "leave it as it is" to the kernel: root. Half of it is docker's limit.
constexpr std::uint32_t highest_id = 2147483647;

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<std::uint32_t> id_of(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (!is_number(text) || error != std::errc() || end != text.data() + text.size() ||
      id > highest_id) {
    return std::nullopt;
  }
  return id;
}

std::uint32_t number(std::string_view text) {
  const auto id = id_of(text);
  if (!id) throw Error("the id " + quoted(text) + " is above " + std::to_string(highest_id));
  return *id;
}

// Calls visit(fields) for each line that has at least `Count` fields, until it gives true.
template <std::size_t Count, class Visit>
void each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::array<std::string_view, Count> fields;
    std::size_t found = 0;
    for (bool more = !line.empty() && line.front() != '#'; more && found < Count; ++found) {
      const std::size_t colon = line.find(':');
      fields[found] = line.substr(0, colon);
      more = colon != std::string_view::npos;
      line.remove_prefix(more ? colon + 1 : line.size());
    }
    if (found == Count && visit(fields)) return;
  }
}

bool lists(std::string_view members, std::string_view name) {
  while (!members.empty()) {
    const std::size_t comma = std::min(members.find(','), members.size());
    if (members.substr(0, comma) == name) return true;
    members.remove_prefix(std::min(comma + 1, members.size()));
  }
  return false;
}

}  // namespace

std::uint32_t find_group(std::string_view asked, std::string_view group) {
  if (is_number(asked)) return number(asked);
  std::optional<std::uint32_t> found;
  each_line<3>(group, [&](const auto& fields) {
    const auto gid = id_of(fields[2]);
    if (fields[0] == asked && gid) found = gid;
    return found.has_value();
  });
  if (!found) throw Error("group " + quoted(asked) + " is not in the image's /etc/group");
  return *found;
}

RunUser find_user(std::string_view user, std::string_view passwd, std::string_view group) {
  const std::size_t colon = user.find(':');
  const std::string_view asked_user = user.substr(0, colon);
  const std::string_view asked_group =
      colon == std::string_view::npos ? "" : user.substr(colon + 1);
  RunUser result;
  std::string name;  // as passwd has it

  const bool by_number = asked_user.empty() || is_number(asked_user);
  if (by_number && !asked_user.empty()) result.uid = number(asked_user);
  bool known = false;
  each_line<6>(passwd, [&](const auto& fields) {
    const auto uid = id_of(fields[2]);
    const auto gid = id_of(fields[3]);
    if (!uid || !gid) return false;
    if (by_number ? *uid != result.uid : fields[0] != asked_user) return false;
    result.uid = *uid;
    result.gid = *gid;
    if (!fields[5].empty()) result.home = fields[5];
    name = fields[0];
    return known = true;
  });
  if (!known && asked_user == "root") {
    known = true;  // an image without passwd has a root all the same
  }
  if (!known && !by_number) {
    throw Error("user " + quoted(asked_user) + " is not in the image's /etc/passwd");
  }

  if (!asked_group.empty()) {
    result.gid = find_group(asked_group, group);
  }
  result.groups.push_back(result.gid);
  if (asked_group.empty() && !name.empty()) {
    each_line<4>(group, [&](const auto& fields) {
      const auto gid = id_of(fields[2]);
      if (gid && *gid != result.gid && lists(fields[3], name)) result.groups.push_back(*gid);
      return result.groups.size() == most_groups;
    });
  }
  return result;
}

}  // namespace slipway
