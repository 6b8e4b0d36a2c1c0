// What a folder holds that nobody counts while it grows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

namespace slipway {

struct TreeSize {
  std::uint64_t bytes = 0;  // of its files' contents, what a sparse one lacks left out
  std::uint64_t files = 0;  // of any kind but directories; one of several names counts once
};

// Walks through a tree that somebody else filled, and may be changing: links are not followed, and
// what goes away meanwhile is not counted. `told` is called about ten times a second with how far
// it has got, once that has taken over a second. One that is not there is empty.
TreeSize measure_tree(const std::filesystem::path& path,
                      const std::function<void(const TreeSize&)>& told = nullptr);

}  // namespace slipway
