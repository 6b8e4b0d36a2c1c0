#include <cache/layers/entry.hpp>

#include <algorithm>
#include <cstddef>

namespace slipway {

bool path_less(std::string_view left, std::string_view right) {
  const auto [l, r] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
  if (r == right.end()) return false;
  if (l == left.end()) return true;
  const auto rank = [](char c) { return c == '/' ? 0 : 1 + static_cast<unsigned char>(c); };
  return rank(*l) < rank(*r);
}

}  // namespace slipway
