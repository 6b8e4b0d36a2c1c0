// A layer's index: its entries with metadata and content digests, in path order, in one file.
//
// Made in the pass that computes the diffID and the tree digest; COPY --from, bind mounts,
// comparisons and explained misses read indexes and not files. The format is described in
// index.cpp. A LayerIndex never changes, so any number of threads may read one.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>
#include <ir/layer.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class LayerIndex {
 public:
  // Maps the file. Throws Error if it is not a whole index.
  static std::shared_ptr<const LayerIndex> open(const std::filesystem::path& file);
  // An index in memory, from the bytes of BuiltLayer::index.
  static std::shared_ptr<const LayerIndex> from_bytes(std::string bytes);
  ~LayerIndex();
  LayerIndex(const LayerIndex&) = delete;

  std::size_t size() const;
  Entry entry(std::size_t position) const;
  std::string_view path(std::size_t position) const;  // without decoding the rest
  std::optional<std::size_t> find(std::string_view path) const;
  // The position of the first entry whose path is not before `path`.
  std::size_t lower_bound(std::string_view path) const;
  const LayerRef& layer() const;

 private:
  struct Mapping;
  explicit LayerIndex(std::unique_ptr<Mapping> mapping);
  std::unique_ptr<Mapping> mapping_;
};

// What LayerBuilder gives: a layer's identities and the bytes of its index.
struct BuiltLayer {
  LayerRef layer;
  std::string index;
};

// Computes index, tree digest and diffID in one pass over entries given in path order. The tar it
// hashes is the layer's canonical one: the same entries always give the same bytes.
// Not thread-safe; several may work side by side.
class LayerBuilder {
 public:
  LayerBuilder();
  ~LayerBuilder();
  LayerBuilder(LayerBuilder&&) noexcept;

  // An entry without bytes: all but a non-empty regular file; also a hard link, whose `content`
  // and `size` are those of the path it names.
  void add(const Entry& entry);
  // A regular file. `entry.size` is known; exactly that many bytes are read. Gives the content's
  // digest, and stores it in the index. Throws Error where the source is shorter or longer.
  Digest add_file(Entry entry, ByteSource& content);

  BuiltLayer finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
