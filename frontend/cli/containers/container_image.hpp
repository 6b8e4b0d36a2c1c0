// The image that a container is made from.
#pragma once

#include "container_request.hpp"

#include <cache/images/store.hpp>

namespace slipway {

class Store;

// That of the store, or a registry's, as --pull has it; a pull is told on standard error. Throws
// Error.
Image container_image(Store& store, const CreateRequest& request);

}  // namespace slipway
