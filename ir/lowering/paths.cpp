#include <ir/lowering/paths.hpp>

#include <algorithm>
#include <vector>

namespace slipway {

std::string rooted(std::string_view path) {
  std::vector<std::string_view> names;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t slash = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, slash - start);
    if (name == "..") {
      if (!names.empty()) names.pop_back();
    } else if (!name.empty() && name != ".") {
      names.push_back(name);
    }
    start = slash + 1;
  }
  std::string result;
  for (const std::string_view name : names) result.append("/").append(name);
  return result.empty() ? "/" : result;
}

std::string joined(std::string_view directory, std::string_view path) {
  if (path.starts_with('/')) return rooted(path);
  return rooted(std::string(directory) + "/" + std::string(path));
}

std::string last_name(std::string_view path) {
  if (path.empty()) return ".";
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return "/";
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace slipway
