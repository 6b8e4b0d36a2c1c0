// Pushing: an image of the store into a registry.
#pragma once

#include <cache/archive/pack.hpp>
#include <cache/images/manifest.hpp>
#include <ir/reference.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace slipway {

class Store;

// What a push tells on its way. Called from any thread, one call at a time.
class PushProgress {
 public:
  virtual ~PushProgress() = default;
  // The blobs that the image names; the position in the list names them from here.
  virtual void blobs(const std::vector<BlobDescriptor>&) {}
  // How many bytes of the blob the registry has taken.
  virtual void sent(std::size_t, std::uint64_t) {}
  enum class Outcome { sent, there, mounted };
  // The registry has the blob; `from`: the repository it was mounted from.
  virtual void done(std::size_t, Outcome, const std::string& from) { (void)from; }
};

// Puts blobs side by side, and only those that the registry lacks: what another repository of it is
// known to have is mounted from there. Then the documents, the root under the name's tag. What was
// put stays when the push ends early, and the next one goes on from there, within a blob where the
// registry takes pieces. Gives the root's descriptor. Throws Error; then the tag is what it was.
// `cancelled` as in HttpClient.
BlobDescriptor push(Store& store, const Reference& name, const Packed& image,
                    PushProgress& progress, const std::function<bool()>& cancelled = {});

}  // namespace slipway
