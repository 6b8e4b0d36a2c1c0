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
  // Maps the file. Throws Error if it is not a whole index. Costs the same for any number of
  // entries: what lies behind the header is checked where it is read, so the functions below also
  // throw Error, and never read outside, if the file was damaged.
  static std::shared_ptr<const LayerIndex> open(const std::filesystem::path& file);
  // An index in memory, from the bytes of BuiltLayer::index.
  static std::shared_ptr<const LayerIndex> from_bytes(std::string bytes);
  ~LayerIndex();
  LayerIndex(const LayerIndex&) = delete;

  std::size_t size() const;
  Entry entry(std::size_t position) const;
  std::string_view path(std::size_t position) const;  // without decoding the rest
  Entry::Type type(std::size_t position) const;
  bool opaque(std::size_t position) const;
  std::optional<std::size_t> find(std::string_view path) const;
  // The position after the last entry at or below `path` ("" is the root: after all).
  std::size_t end_of(std::string_view path) const;
  // The position of the first entry whose path is not before `path`.
  std::size_t lower_bound(std::string_view path) const;
  const LayerRef& layer() const;

  // Reads all of it. Throws Error if a byte is not as it was written, for fsck.
  void verify() const;

 private:
  struct Mapping;
  explicit LayerIndex(std::unique_ptr<Mapping> mapping);
  std::unique_ptr<Mapping> mapping_;
};

// What LayerBuilder gives.
struct BuiltLayer {
  LayerRef layer;
  std::string index;  // the bytes of its LayerIndex
};

// Computes index, tree digest and diffID in one pass over entries given in path order. The tar it
// hashes is the layer's canonical one: the same entries always give the same bytes.
//
// A layer is complete in itself: the directories above an entry are entries too, as the layers below
// have them, because every unpacker makes each layer's tree on its own and the directory it makes
// hides the metadata of the one below. The root's own entry, path "", is there only where it is
// not 0755 0:0 without xattrs.
//
// Throws Error for entries out of order, twice the same path, names beginning with ".wh." and hard
// links to what is not an earlier entry. Not thread-safe; several may work side by side.
class LayerBuilder {
 public:
  LayerBuilder();
  // Also gives the tar away as it is made.
  explicit LayerBuilder(ByteSink tar);
  ~LayerBuilder();
  LayerBuilder(LayerBuilder&&) noexcept;

  // An entry without bytes: all but a non-empty regular file; also a hard link, whose `content`
  // and `size` are those of the path it names.
  void add(const Entry& entry);
  // A regular file. `entry.size` is known; exactly that many bytes are read. Gives the content's
  // digest, and stores it in the index. Throws Error where the source is shorter or longer.
  Digest add_file(Entry entry, ByteSource& content);

  // The same for a file whose content is hashed elsewhere, where it was copied: only the tar is
  // hashed here. `digest` is asked for when the bytes have been read, and answers for them.
  void add_hashed(Entry entry, ByteSource& content, const std::function<Digest()>& digest);

  BuiltLayer finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
