// Pushing: an image of the store into a registry.
#pragma once

#include <cache/archive/pack.hpp>
#include <cache/images/manifest.hpp>
#include <ir/digest.hpp>
#include <ir/reference.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace slipway {

class Store;

// What a push tells on its way. Called from any thread, one call at a time.
class PushProgress {
 public:
  virtual ~PushProgress() = default;
  // The image has this blob; each is told of once.
  virtual void began(const BlobDescriptor&) {}
  // How many of its bytes the registry has been given. The number falls where some are sent again.
  virtual void sent(const Digest&, std::uint64_t) {}
  enum class Outcome { sent, there, mounted };
  // The registry has the blob; `from`: the repository it was mounted from.
  virtual void done(const Digest&, Outcome, const std::string& from) { (void)from; }
  // What the registry wants its users to know, at the end: to be shown, quoted, and nothing else.
  virtual void warned(const std::string&) {}
};

// One image on its way into a repository. Blobs go side by side, and only those that the registry
// lacks: what another repository of it is known to have is mounted from there. What was put stays
// when the push ends early, and the next one goes on from there, within a blob where the registry
// takes pieces.
class [[nodiscard]] Push {
 public:
  // Store and progress outlive this. `cancelled` as in HttpClient.
  Push(Store& store, const Reference& name, PushProgress& progress,
       std::function<bool()> cancelled = {});
  ~Push();  // ends what is under way
  Push(const Push&) = delete;

  // Sends the blob while the caller makes the next one. Any thread; waits for nothing. One that was
  // begun before is not begun again. Throws what an earlier one failed with.
  void begin(const PackedBlob& blob);

  // Begins what was not, waits for all, then puts the documents, the root under the name's tag, or
  // under its digest alone. Gives the root's descriptor. Throws Error; then the tag is what it was.
  BlobDescriptor finish(const Packed& image, bool by_digest = false);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// All of that at once, for an image that is packed, under the name's tag or, `by_digest`, without one.
BlobDescriptor push(Store& store, const Reference& name, const Packed& image,
                    PushProgress& progress, const std::function<bool()>& cancelled = {},
                    bool by_digest = false);

// The same for one that is not; a layer that is compressed is sent while the next one is compressed.
BlobDescriptor push(Store& store, const Reference& name, const ToPack& images,
                    PackOptions options, PushProgress& progress,
                    const std::function<bool()>& cancelled = {}, bool by_digest = false);

}  // namespace slipway
