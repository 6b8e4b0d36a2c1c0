// Two images side by side: what the second has that the first has not, by the layer that did it.
#pragma once

#include <executor/compare/files.hpp>
#include <ir/layer.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace slipway {

class Store;

// The layer that an image's files came with, or went with.
struct LayerDifferences {
  // Whose layer it is: what was removed may be so because the second image lacks a layer of the
  // first.
  enum class Side { first, second };
  Side side = Side::second;
  std::size_t layer = 0;  // its position, lowest first
  std::vector<FileDifference> files;
  // By how many bytes of regular files the root file system grows by it.
  std::int64_t growth() const;
};

// The second image's layers from the lowest, then those of the first that it lacks. Throws Error.
std::vector<LayerDifferences> compare_images(Store& store, const LayerStack& first,
                                             const LayerStack& second);

// By how many bytes the file grows: a file that is gone takes all of its own away.
std::int64_t growth_of(const FileDifference& file);

}  // namespace slipway
