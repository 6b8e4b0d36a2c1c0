// A volume as `docker volume inspect` has it.
#pragma once

#include "../described.hpp"

#include <cache/containers/volumes.hpp>

namespace slipway {

class Store;

Described describe_volume(Store& store, const StoredVolume& volume);

}  // namespace slipway
