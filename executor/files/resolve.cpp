#include <executor/files/resolve.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace slipway {

StackView::Resolved resolve_links(std::string_view path, bool follow_last, const FindEntry& find) {
  constexpr int most_links = 40;
  const bool follow_end = follow_last || path.ends_with('/');
  std::string rest(path);
  StackView::Resolved resolved;
  int links = 0;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string name = rest.substr(0, slash);
    rest.erase(0, slash == std::string::npos ? slash : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      resolved.path = std::string(parent_path(resolved.path));
      continue;
    }
    std::string next = join(resolved.path, name);
    std::optional<Entry> entry = find(next);
    const bool last = rest.find_first_not_of('/') == std::string::npos;
    if (entry && entry->type == Entry::Type::symlink && (!last || follow_end)) {
      if (++links > most_links) throw Error("too many links in the path " + quoted(path));
      if (entry->link_target.starts_with('/')) resolved.path.clear();
      rest = rest.empty() ? entry->link_target : entry->link_target + "/" + rest;
      continue;
    }
    resolved.path = std::move(next);
  }
  resolved.entry = find(resolved.path);
  return resolved;
}

std::vector<std::string> path_names(std::string_view path) {
  std::vector<std::string> names;
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t slash = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, slash - start);
    if (name == "..") {
      if (!names.empty()) names.pop_back();
    } else if (!name.empty() && name != ".") {
      names.emplace_back(name);
    }
    start = slash + 1;
  }
  return names;
}

std::string join(std::string_view directory, std::string_view name) {
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  path += directory;
  if (!directory.empty()) path += '/';
  path += name;
  return path;
}

}  // namespace slipway
