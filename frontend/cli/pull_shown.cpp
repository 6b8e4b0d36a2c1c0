#include "pull_shown.hpp"

#include "table.hpp"

#include <cache/store.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

namespace slipway {
namespace {

// One that has lost a layer is not: this is what brings it back.
std::optional<Image> find_here(Store& store, const Reference& name, const Platform& platform) {
  try {
    return store.images().find(name, platform);
  } catch (const LostLayer&) {
    return std::nullopt;
  }
}

}  // namespace

bool PullShown::pull(Store& store, const Reference& name, const Platform& platform) {
  const std::optional<Image> before = find_here(store, name, platform);
  say((name.digest ? name.digest->text() : name.tag) + ": Pulling from " + name.repository);
  const Image image = slipway::pull(store, name, platform, *this);
  if (digest_) say("Digest: " + digest_->text());
  if (!matches(image.config.platform, platform)) {
    say("warning: the image is for " + printable(image.config.platform.text()) + ", not for " +
        platform.text());
  }
  return !before || before->id != image.id;
}

void PullShown::end(bool newer, const std::string& name) {
  say((newer ? "Status: Downloaded newer image for " : "Status: Image is up to date for ") + name);
}

void PullShown::layers(const std::vector<BlobDescriptor>& layers) {
  layers_ = layers;
  for (const BlobDescriptor& layer : layers) transfers_.add(layer, "Waiting");
}

void PullShown::resumed(std::size_t position, std::uint64_t bytes) {
  transfers_.resumed(position, bytes);
}

void PullShown::arrived(std::size_t position, std::uint64_t bytes) {
  transfers_.moved(position, bytes);
}

void PullShown::stored(std::size_t position, bool present) {
  transfers_.ended(position, present ? "Already exists"
                                     : "Pull complete, " + size_text(layers_.at(position).size));
}

void PullShown::warned(const std::string& text) {
  say("warning: registry: " + quoted(text));
}

}  // namespace slipway
