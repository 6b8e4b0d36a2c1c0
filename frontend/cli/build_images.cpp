#include "build_images.hpp"

#include <cache/store.hpp>
#include <frontend/parse.hpp>
#include <ir/error.hpp>

#include <optional>
#include <utility>

namespace slipway {
namespace {

constexpr std::string_view layout_scheme = "oci-layout://";

ResolvedImage resolved(const Image& image, std::string reference) {
  ResolvedImage result;
  result.triggers = parse_triggers(image.config.on_build, reference);
  result.reference = std::move(reference);
  result.id = image.id;
  result.config = image.config;
  return result;
}

}  // namespace

ResolveImage image_resolver(const BuildRequest& request, Store& store) {
  return [pull_always = request.pull, &store](const ImageRequest& wanted) {
    const Reference reference = parse_reference(wanted.reference);
    if (!pull_always) {
      // A local image of another platform is not what was asked for; a registry may have it.
      const std::optional<Image> local = store.images().find(reference);
      if (local && matches(local->config.platform, wanted.platform)) {
        return resolved(*local, reference.text());
      }
    }
    throw Error("not yet");
  };
}

}  // namespace slipway
