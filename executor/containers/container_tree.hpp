// The files of a container, running or not: for cp, diff, export and commit.
#pragma once

#include <cache/containers/store.hpp>
#include <cache/file_descriptor.hpp>
#include <executor/containers/monitor_connection.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Store;

// For its life a running container stands still, so that its files can be read, and one that does
// not run cannot be started. One that was paused before stays so. Waits for who starts or stops it.
// Throws Error.
class [[nodiscard]] PausedContainer {
 public:
  // `pause` is false: one that runs goes on.
  PausedContainer(Store& store, const Container& container, bool pause = true);
  PausedContainer(const PausedContainer&) = delete;

  bool runs() const { return !stopped_; }

 private:
  std::optional<MonitorConnection> held_;  // until the connection ends, also with this process
  std::optional<ContainerLock> stopped_;
};

// What the container has changed, as `docker diff` says it.
struct ContainerChange {
  enum class Kind { added, changed, deleted } kind = Kind::changed;
  std::string path;  // absolute
};
// Sorted. What was made for mounts only is left out. The container must stand still.
std::vector<ContainerChange> container_changes(Store& store, const Container& container);

// Bytes: its own layer, and that with the image's (`ps --size`).
struct ContainerSize {
  std::uint64_t own = 0;
  std::uint64_t whole = 0;
};
ContainerSize container_size(Store& store, const Container& container);

// The root file system as one directory, with what is mounted in it. Paths in it are to be opened
// with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS: what is there is a stranger's.
class ContainerTree {
 public:
  virtual ~ContainerTree() = default;
  virtual const FileDescriptor& root() const = 0;
};
// Of a running container that of its processes; it stands still unless `pause` is false. Of any
// other one a mount, in a namespace that this thread enters, for the life of the result; nobody
// starts it meanwhile. What was asked for as read-only cannot be written to. For root, and in the
// user's namespace (enter_containers_user_namespace()). Throws Error.
std::unique_ptr<ContainerTree> open_container_tree(Store& store, const Container& container,
                                                   bool pause = true);

// Whether fill_volume() has something to do: the volume is empty, or somebody was killed, or is,
// while he filled it.
bool needs_filling(const std::filesystem::path& directory);
// An empty volume gets what the image has at `path`, with owners and modes; one that somebody was
// killed at gets the rest of what he had for it. Throws Error.
void fill_volume(Store& store, const LayerStack& layers, std::string_view path,
                 const std::filesystem::path& directory);

}  // namespace slipway
