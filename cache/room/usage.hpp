// What takes how much of the store.
//
// Sizes are of the contents of files, as everywhere in slipway: of a layer the sum that its row
// has, of a folder what a walk has found (tree_size.hpp). The file system needs more for small
// files.
#pragma once

#include <cache/containers/volumes.hpp>
#include <cache/images/store.hpp>
#include <cache/room/item.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace slipway {

struct Usage {
  struct ImageUse {
    ImageSummary image;
    std::uint64_t shared = 0;  // bytes of layers that other images have, too
    std::uint64_t alone = 0;
  };
  struct RecordUse {
    CacheKey key;
    std::string step;
    std::uint64_t bytes = 0;  // of its layer
    std::int64_t created = 0;
    std::int64_t last_used = 0;
    std::int64_t uses = 0;
    std::int64_t duration = 0;  // nanoseconds
    bool in_image = false;      // an image has the layer, or a container stands on it
    bool shared = false;        // another record has the layer
  };
  struct ContainerUse {
    std::string id;
    std::string name;
    std::string image;         // as it was asked for
    std::int64_t created = 0;  // nanoseconds since the epoch
    bool running = false;
    std::uint64_t bytes = 0;  // its own layer, its log
  };
  struct VolumeUse {
    StoredVolume volume;
    std::size_t users = 0;  // containers that mount it, running or not
    std::uint64_t bytes = 0;
  };
  std::vector<ImageUse> images;    // as ImageStore::list() orders them
  std::vector<RecordUse> records;  // the last used first
  std::vector<RoomItem> items;     // all that can be pruned
  std::vector<bool> in_use;        // by item: a process uses it now

  std::vector<ContainerUse> containers;
  std::vector<VolumeUse> volumes;

  // Each layer once.
  std::uint64_t image_layers = 0;
  std::uint64_t container_layers = 0;  // that no image has any more
  std::uint64_t all_blobs = 0;
  std::size_t blob_count = 0;
};

}  // namespace slipway
