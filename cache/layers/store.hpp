// Layers in the store: a directory in overlayfs's own format and an index each, named by diffID,
// shared by every image and record that contains them.
//
// A layer is visible only when both are complete. Safe for any number of threads and processes.
#pragma once

#include <cache/layers/index.hpp>
#include <cache/layers/stack.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>
#include <ir/layer.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace slipway {

class StateDirectory;
class Database;

// A private folder in the store to build a tree in: "upper" and, for overlayfs, "work". Removed
// with all it holds at the end of its life unless commit() took the tree.
class [[nodiscard]] Staging {
 public:
  explicit Staging(std::filesystem::path folder);  // makes folder, upper (0755) and work
  Staging(Staging&& other) noexcept;
  Staging& operator=(Staging&&) = delete;
  ~Staging();

  std::filesystem::path upper() const;
  std::filesystem::path work() const;

 private:
  friend class LayerStore;
  std::filesystem::path folder_;  // empty: nothing left to remove
};

class LayerStore {
 public:
  LayerStore(StateDirectory& state, Database& database);
  ~LayerStore();

  // What is found or committed stays until this process has ended (room/holds.hpp).
  std::optional<LayerRef> find(const DiffId& id) const;
  std::filesystem::path directory(const DiffId& id) const;
  // Its index's bytes lie there, of a layer that is in the store.
  std::filesystem::path index_file(const DiffId& id) const;
  // Kept mapped for the life of the store. Throws Error if there is no such layer.
  std::shared_ptr<const LayerIndex> index(const DiffId& id) const;
  // That of the layer whose directory this is; null for a directory of any other kind.
  std::shared_ptr<const LayerIndex> index_at(const std::filesystem::path& directory) const;
  // Throws Error naming the first layer that is not there. The store outlives the view.
  StackView view(const LayerStack& stack) const;

  // A layer that can be had from elsewhere. The functions are called from any thread, one call at a
  // time for each layer; the first two throw Error.
  struct Elsewhere {
    LayerRef layer;
    std::function<std::shared_ptr<const LayerIndex>()> index;  // verified, that of these files
    std::function<void()> bring;         // puts the layer into this store
    std::function<void()> failed;        // it could not be had, or was another one; must not throw
  };
  // From now on the layer may be seen, as if it was here: index() and view() ask for its index, and
  // who opens a file in such a view brings the layer. Who needs its directory calls bring().
  // Nothing is asked for here, and nothing changes for a layer that is in the store. Takes the
  // place of what was said of the layer before. False, and nothing is expected: the layer that is
  // here, or is expected already, has that diffID and other files or another size.
  [[nodiscard]] bool expect(Elsewhere elsewhere);
  // Waits for a layer that was expected. Nothing if it is in the store; throws Error if it cannot
  // be had, or is another one than was expected.
  void bring(const DiffId& id);

  Staging stage();
  // Moves the tree into place under its diffID; its path may still be in use as a mounted lower
  // layer, which a rename does not disturb. If that layer is there already, the one there stays,
  // and so does the tree, for those who have it mounted, until `staging` ends.
  LayerRef commit(Staging&& staging, const BuiltLayer& built);

  // Reads a layer's tar, compressed or not (gzip and zstd are told by content), from an untrusted
  // source and stores it. Throws Error, and leaves nothing behind, if the bytes are malformed,
  // would leave the root, exceed the limits of extract.hpp, or give another diffID than `expected`.
  // `canonical`: the caller keeps no blob of it, so that the layer's diffID is that of its
  // canonical tar instead (import); otherwise the diffID is that of the tar as it was read.
  LayerRef extract(ByteSource& tar, const std::optional<DiffId>& expected, bool canonical);

  // The blob that a layer was read from and that the blob store keeps, so that write_tar can give
  // the same bytes again. Throws Error if there is no such layer.
  void remember_blob(const DiffId& id, const Digest& blob);
  // Empty: none was remembered, or there is no such layer.
  std::optional<Digest> blob(const DiffId& id) const;

  // The layer's uncompressed tar, byte for byte that of its diffID. Throws Error if it was pulled
  // and neither its blob is kept nor its canonical tar the same; the digest is known at the end
  // only, so what `sink` took counts when the call returns.
  void write_tar(const DiffId& id, const ByteSink& sink) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
