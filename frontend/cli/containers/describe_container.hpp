// A container as `docker container inspect` has it.
#pragma once

#include "../described.hpp"

#include <cache/containers/container.hpp>

namespace slipway {

class Store;

// `size`: with what it has changed, and that with its image.
Described describe_container(Store& store, Container container, bool size);

}  // namespace slipway
