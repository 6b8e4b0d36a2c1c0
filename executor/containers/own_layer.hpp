// What a container has changed: its upper directory against its image's layers.
#pragma once

#include <cache/containers/store.hpp>
#include <cache/layers/index.hpp>
#include <cache/layers/stack.hpp>
#include <cache/layers/store.hpp>
#include <cache/layers/upper.hpp>

#include <filesystem>

namespace slipway {

class Store;

// What was made in it for mounts only is left out. Not thread-safe; the store outlives this.
class OwnLayer {
 public:
  // Walks it. `changing`: nobody makes the container stand still. Throws Error.
  OwnLayer(Store& store, const Container& container, bool changing = false);

  const UpperTree& changes() const { return changes_; }
  // As a layer in `staging`, which is copied, hashed and put into the tar's digest in one pass:
  // what the layer says is what the copy has, whatever becomes of a file meanwhile. Throws Error.
  BuiltLayer copy_to(const Staging& staging) const;
  // The whole tree, with this layer in its place: for who reads it while the container stands
  // still. Contents' digests of this layer are not known in it. Throws Error.
  StackView merged() const;

 private:
  const std::filesystem::path upper_;
  const StackView below_;
  const UpperTree changes_;
  const bool changing_;
};

}  // namespace slipway
