// Images with their platforms, as `docker image ls --tree` draws them.
#pragma once

#include <cache/images/store.hpp>

#include <string>
#include <vector>

namespace slipway {

// DISK USAGE is all that the image has in the store, CONTENT SIZE what of it is kept as registries
// have it. By name, those without one last. On a terminal no wider than that, if it can be.
std::string image_tree(const std::vector<ImageSummary>& summaries, const ImageStore& images);

}  // namespace slipway
