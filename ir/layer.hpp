// A layer as every step of the walk names it.
#pragma once

#include <ir/digest.hpp>

#include <cstdint>
#include <vector>

namespace slipway {

struct LayerRef {
  DiffId diff_id;
  TreeDigest tree;
  std::uint64_t size = 0;  // sum of its regular files' sizes, bytes
  bool operator==(const LayerRef&) const = default;
};

// A root file system, lowest layer first.
using LayerStack = std::vector<LayerRef>;

}  // namespace slipway
