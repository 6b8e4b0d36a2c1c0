#include <executor/sandbox/control_hierarchies.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

namespace slipway {
namespace {

constexpr std::array known_controllers = {"memory", "cpu", "cpuset", "pids"};

std::string whole(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.empty()) throw system_error("read", path, errno);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find(separator, from), text.size());
    parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

// The kernel writes a space, a tab, a newline and a backslash of a path as \ooo.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 3 >= text.size()) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

// Where `group` is seen below `mount`, which shows what lies below `root`.
std::filesystem::path seen_at(const std::filesystem::path& mount, const std::string& root,
                              const std::string& group) {
  std::string below = group;
  if (root != "/") {
    if (!below.starts_with(root) || (below.size() > root.size() && below[root.size()] != '/')) {
      return mount;
    }
    below.erase(0, root.size());
  }
  // A group outside of this process's namespace is "/../..".
  if (below.empty() || below == "/" || below.starts_with("/..")) return mount;
  return mount / below.substr(1);
}

}  // namespace

std::vector<ControlHierarchy> read_control_hierarchies(std::string_view mountinfo,
                                                       std::string_view own_groups) {
  // By controller; version 2 has none.
  std::map<std::string, std::string, std::less<>> own;
  for (const std::string_view line : split(own_groups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) continue;
    for (const std::string_view controller : split(line.substr(first + 1, second - first - 1), ',')) {
      own.emplace(controller, line.substr(second + 1));
    }
  }
  const auto own_group = [&own](std::string_view controller) {
    const auto found = own.find(controller);
    return found == own.end() ? std::string("/") : found->second;
  };

  std::vector<ControlHierarchy> hierarchies;
  for (const std::string_view line : split(mountinfo, '\n')) {
    const std::vector<std::string_view> words = split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    const std::string_view type = dash[1];
    if (type != "cgroup" && type != "cgroup2") continue;
    ControlHierarchy hierarchy;
    hierarchy.unified = type == "cgroup2";
    hierarchy.mount = unescaped(words[4]);
    if (!hierarchy.unified) {
      for (const std::string_view option : split(dash[3], ',')) {
        if (std::find(known_controllers.begin(), known_controllers.end(), option) !=
            known_controllers.end()) {
          hierarchy.controllers.emplace_back(option);
        }
      }
      if (hierarchy.controllers.empty()) continue;
    }
    const auto same = [&hierarchy](const ControlHierarchy& other) {
      return other.unified == hierarchy.unified && other.controllers == hierarchy.controllers;
    };
    if (std::any_of(hierarchies.begin(), hierarchies.end(), same)) continue;
    hierarchy.own = seen_at(hierarchy.mount, unescaped(words[3]),
                            own_group(hierarchy.unified ? "" : hierarchy.controllers.front()));
    hierarchies.push_back(std::move(hierarchy));
  }
  return hierarchies;
}

std::vector<ControlHierarchy> control_hierarchies() {
  return read_control_hierarchies(whole("/proc/self/mountinfo"), whole("/proc/self/cgroup"));
}

}  // namespace slipway
