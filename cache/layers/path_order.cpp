#include <cache/layers/entry.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace slipway {

bool path_less(std::string_view left, std::string_view right) {
  // Paths have long fronts in common, which memcmp passes many bytes at a time.
  constexpr std::size_t piece = 64;
  const std::size_t shorter = std::min(left.size(), right.size());
  std::size_t at = 0;
  while (at + piece <= shorter && std::memcmp(left.data() + at, right.data() + at, piece) == 0)
    at += piece;
  left.remove_prefix(at);
  right.remove_prefix(at);
  const auto [l, r] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
  if (r == right.end()) return false;
  if (l == left.end()) return true;
  const auto rank = [](char c) { return c == '/' ? 0 : 1 + static_cast<unsigned char>(c); };
  return rank(*l) < rank(*r);
}

bool path_within(std::string_view path, std::string_view directory) {
  if (directory.empty() || path == directory) return true;
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

std::string_view parent_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace slipway
