// The images that FROM and --from name: the store's own, else a registry's.
#pragma once

#include "build_request.hpp"
#include "display.hpp"

#include <ir/lower.hpp>

#include <functional>

namespace slipway {

class SourceLock;
class Store;
class TakenSources;

// A local image wins over a registry's unless --pull. What is pulled is stored, and what was asked
// for is noted in `taken`. An image that `lock` (null: there is none) has a digest or an ID for is
// that one, whatever its name stands for now. All of them outlive the resolver.
ResolveImage image_resolver(const BuildRequest& request, Store& store, TakenSources& taken,
                            const SourceLock* lock = nullptr);

// The image if the store has it for the platform. Never asks a registry.
std::optional<ResolvedImage> find_image(Store& store, const ImageRequest& wanted,
                                        const SourceLock* lock = nullptr);

}  // namespace slipway
