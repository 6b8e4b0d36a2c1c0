// Verifying a store, and repairing it by dropping what is damaged: a layer that is gone is built or
// pulled again, one that is wrong would be built upon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace slipway {

struct StoreCheck {
  std::size_t layers = 0;
  std::uint64_t bytes = 0;  // of files and blobs that were read
  std::size_t blobs = 0;
  std::size_t images = 0;
  std::size_t records = 0;
  std::size_t containers = 0;
  std::size_t volumes = 0;
  std::vector<std::string> problems;  // one line each; empty: the store is sound
};

// Reads everything: each layer's index and its files against it, each blob against its digest,
// each image, record and container against the layers they name. `repair`: what is damaged, and what nothing
// refers to because a process was killed, is removed. Other processes may use the store meanwhile.
// Throws Error if the store cannot be opened.
StoreCheck check_store(const std::filesystem::path& root, bool repair);

}  // namespace slipway
