// A layer that a shared cache has, as the store of layers expects it.
#pragma once

#include <cache/layers/store.hpp>
#include <cache/shared/shared_caches.hpp>

#include <functional>

namespace slipway {

// `caches` and `layers` outlive what it gives. `failed`: it could not be had.
LayerStore::Elsewhere shared_layer(const SharedRecord& found, SharedCaches& caches,
                                   LayerStore& layers, std::function<void()> failed);

}  // namespace slipway
