// The images that FROM and --from name: the store's own, else a registry's.
#pragma once

#include "build_request.hpp"
#include "display.hpp"

#include <ir/lower.hpp>

#include <functional>

namespace slipway {

class Store;

// A local image wins over a registry's unless --pull. What is pulled is stored.
ResolveImage image_resolver(const BuildRequest& request, Store& store);

// The image if the store has it for the platform. Never asks a registry.
std::optional<ResolvedImage> find_image(Store& store, const ImageRequest& wanted);

}  // namespace slipway
