// Several layers seen as one file system, from their indexes alone: no mount, no rights needed.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/index.hpp>
#include <cache/layers/recorded_ids.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Whiteouts and opaque directories hide what lies below them, as overlayfs does. Paths are
// relative to the root, without a leading '/'; the root itself is "" and always a directory.
// Immutable and thread-safe.
class StackView {
 public:
  struct Layer {
    std::filesystem::path directory;
    std::shared_ptr<const LayerIndex> index;
    std::function<void()> bring = {};  // of a layer that may be elsewhere: makes its directory
  };
  // Lowest first. No layers: an empty root.
  explicit StackView(std::vector<Layer> layers);

  // The entry at exactly this path, of the topmost layer that has it; links are not followed.
  std::optional<Entry> find(std::string_view path) const;
  // The names in a directory, in byte order; empty if there is none.
  std::vector<std::string> list(std::string_view directory) const;

  struct Resolved {
    std::string path;            // free of links, as far as it exists
    std::optional<Entry> entry;  // what is there; empty: nothing
  };
  // Follows symlinks as a process with this root would: absolute targets start at the root, ".."
  // never leaves it. Components that do not exist stay as they are. Throws Error after 40 links.
  Resolved resolve(std::string_view path, bool follow_last) const;

  // Opens a regular file for reading, beneath its layer's directory, for which the layer is brought.
  // The descriptor is the caller's. Throws Error if it is gone or no regular file.
  int open(const Entry& entry) const;

  const std::vector<Layer>& layers() const { return layers_; }

 private:
  struct Place;
  Place locate(std::string_view path) const;

  std::vector<Layer> layers_;
};

// What a RUN left in overlayfs's upper directory, as the layer it makes above `below`: copies that
// equal what lies below are left out (directories' mtimes do not count), whiteouts are explicit,
// sockets are skipped. Nothing may change the tree while it is read. `maker`: where ids are recorded
// (recorded_ids.hpp), whose the files are that the step made and recorded nobody's.
// Throws Error naming the path where something cannot be read.
BuiltLayer index_upper(const std::filesystem::path& upper, const StackView& below,
                       OwnerIds maker = {0, 0});

}  // namespace slipway
