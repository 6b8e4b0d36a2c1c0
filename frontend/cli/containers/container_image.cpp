#include "container_image.hpp"

#include "../pull_shown.hpp"

#include <cache/store.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>
#include <ir/reference.hpp>

#include <cstdio>

namespace slipway {
namespace {

// One that has lost a layer is not here: it is pulled again.
std::optional<Image> find_here(Store& store, const CreateRequest& request) {
  try {
    if (!request.platform) return store.images().get(request.image);
    return store.images().find(store.images().resolve(request.image), request.platform);
  } catch (const NoSuchImage&) {
    return std::nullopt;
  } catch (const LostLayer&) {
    return std::nullopt;
  }
}

void say_other_platform(const Image& image) {
  const Platform host = host_platform();
  if (matches(image.config.platform, host)) return;
  std::fprintf(stderr, "warning: the image is for %s, and this machine is %s\n",
               printable(image.config.platform.text()).c_str(), host.text().c_str());
}

}  // namespace

Image container_image(Store& store, const CreateRequest& request) {
  const bool always = request.pull == PullPolicy::always;
  std::optional<Image> here = always ? std::nullopt : find_here(store, request);
  if (!here) {
    const Reference name = parse_reference(request.image);
    if (request.pull == PullPolicy::never)
      throw Error("there is no image " + quoted(request.image) +
                  (request.platform ? " for " + request.platform->text() : ""))
          .hint("without --pull=never it would be asked for at its registry");
    PullShown shown(request.quiet);
    if (!always) shown.say("Unable to find image '" + name.familiar() + "' locally");
    const Platform platform = request.platform.value_or(host_platform());
    const bool newer = shown.pull(store, name, platform);
    shown.end(newer, name.familiar());
    here = store.images().find(name, platform);
    if (!here) here = store.images().get(name.text());
  }
  if (!request.platform) say_other_platform(*here);
  return std::move(*here);
}

}  // namespace slipway
