// A stack of layers as one list of paths, each with the layer that it comes from: what an overlay
// mount would show, for those who cannot mount one.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/layers/entry.hpp>
#include <cache/layers/index.hpp>

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// One layer's directory. It stays open, so it is found again when it has been moved into the store,
// and no other directory can be taken for it.
class OpenLayer {
 public:
  // `index`: what is in the layer; null: what its directory holds. Throws Error.
  OpenLayer(const std::filesystem::path& directory, std::shared_ptr<const LayerIndex> index);

  int directory() const { return directory_.get(); }
  bool same_as(const OpenLayer& other) const {
    return device_ == other.device_ && inode_ == other.inode_;
  }

  // In path order, without the root. A directory that has entries and is none itself is implied.
  struct Item {
    std::string_view path;  // lives as long as the layer
    Entry::Type type = Entry::Type::file;
    bool opaque = false;
    bool implied = false;
    std::size_t position = 0;  // in the index
  };
  std::vector<Item> items() const;

  // All of an entry but its content's digest. Throws Error.
  Entry entry(std::string_view path, std::size_t position) const;

 private:
  std::vector<Item> items_of_index() const;
  void read_directory(const std::string& path);

  FileDescriptor directory_;  // O_PATH
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::shared_ptr<const LayerIndex> index_;
  std::deque<std::string> paths_;  // of `found_`
  std::vector<Item> found_;        // without an index
};

using LayerOpener = std::function<std::shared_ptr<const OpenLayer>(const std::filesystem::path&)>;

struct MergedLayers {
  struct Node {
    std::string_view path;
    Entry::Type type = Entry::Type::file;
    bool implied = false;
    std::uint32_t layer = 0;   // whose it is
    std::size_t position = 0;  // in that one's index
  };
  std::vector<std::shared_ptr<const OpenLayer>> layers;  // lowest first
  std::vector<Node> nodes;                               // in path order, without the root

  const Node* find(std::string_view path) const;
  Entry entry_of(const Node& node) const;
};

MergedLayers merge(std::vector<std::shared_ptr<const OpenLayer>> layers);

// Where `path` leads, as for a process with this root. Throws Error where nothing is there.
std::string resolve(const MergedLayers& merged, std::string_view path);

}  // namespace slipway
