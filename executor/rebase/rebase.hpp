// An image on another base, without building it (README.md has the rules).
#pragma once

#include <cache/images/store.hpp>
#include <ir/platform.hpp>

#include <string>

namespace slipway {

class Store;

// What FROM scratch starts with.
Image scratch_image(const Platform& platform);

// The image that this one was built on: the one of the store that its layers and its history begin
// with. Of several those that have a name. Throws Error where there is none, or more than one.
Image find_base(Store& store, const Image& image);

// The config of the image on its new base, to be put into the store. Throws Error with every reason
// why it cannot be known what a build on the new base would have given.
std::string rebase(Store& store, const Image& image, const Image& was_base, const Image& is_base);

}  // namespace slipway
