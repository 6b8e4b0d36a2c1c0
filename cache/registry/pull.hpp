// Pulling: an image from a registry into the store.
#pragma once

#include <cache/images/manifest.hpp>
#include <cache/images/store.hpp>
#include <ir/platform.hpp>
#include <ir/reference.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace slipway {

class Store;

// What an image's arrival tells on its way. Called from any thread, one call at a time.
class PullProgress {
 public:
  virtual ~PullProgress() = default;
  // The layers that make the image, lowest first; the position in the list names them from here.
  virtual void layers(const std::vector<BlobDescriptor>&) {}
  // So many bytes of the layer are here already, from a pull that ended early.
  virtual void resumed(std::size_t, std::uint64_t) {}
  // How many bytes of the layer have arrived; where another process brings it, there.
  virtual void arrived(std::size_t, std::uint64_t) {}
  // The layer is in the store; `present`: it was there before.
  virtual void stored(std::size_t, bool present) { (void)present; }
  // The digest of the manifest that `name` stands for.
  virtual void resolved(const Digest&) {}
  // What the registry wants its users to know, at the end: to be shown, quoted, and nothing else.
  virtual void warned(const std::string&) {}
};

// Layers come in side by side; each is verified, decompressed and extracted while it downloads,
// and those in the store are not downloaded at all. At the end the config is stored and `name`
// points to it; one that an index had stands beside what the name has for other platforms. An image
// without a variant for `platform` is an Error; one that is no index is
// taken as it is.
//
// What came of a layer is kept (partial_blob.hpp) until it is whole, so that the next pull asks for
// the rest alone, however this one ended. A layer that another process is bringing is waited for.
//
// Throws Error if the registry does not answer, has no such image, or anything that came has not
// the digest or the size it should have. The store is then as it was, but for layers that were
// complete and fronts of such as may be right. `cancelled` as in HttpClient.
Image pull(Store& store, const Reference& name, const Platform& platform, PullProgress& progress,
           const std::function<bool()>& cancelled = {});

// The name with each tag that its repository has, but for those that stand for what is said of an
// image: attestations, signatures. Throws Error where it has none, or the registry
// lists what is no tag.
std::vector<Reference> tagged_names(const Reference& name);

}  // namespace slipway
