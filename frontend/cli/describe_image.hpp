// An image as `docker image inspect` has it.
#pragma once

#include "described.hpp"

#include <ir/platform.hpp>

#include <optional>
#include <string>

namespace slipway {

class Store;

// Throws NoSuchImage; Error where it is not there for the platform.
Described describe_image(Store& store, const std::string& name,
                         const std::optional<Platform>& platform);

}  // namespace slipway
