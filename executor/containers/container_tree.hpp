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
  PausedContainer(Store& store, const Container& container);
  ~PausedContainer();
  PausedContainer(const PausedContainer&) = delete;

 private:
  std::optional<MonitorConnection> paused_;
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

// The root file system as one directory, with what is mounted in it; paths in it are to be opened
// beneath. Of a running container that of its processes, else mounted for the life of the result,
// with the container's lock. Throws Error.
class ContainerTree {
 public:
  virtual ~ContainerTree() = default;
  virtual const FileDescriptor& root() const = 0;
};
std::unique_ptr<ContainerTree> open_container_tree(Store& store, const Container& container);

// An empty volume gets what the image has at `path`, with owners and modes. Throws Error.
void fill_volume(Store& store, const LayerStack& layers, std::string_view path,
                 const std::filesystem::path& directory);

}  // namespace slipway
