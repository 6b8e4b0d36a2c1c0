// Taking names away, and images with their last name: docker's rules for `rmi` and `image prune`.
//
// Layers stay until the cache has no use for them (cache/room). Each function is one transaction or
// several, of which any may be the last: what is left then is a store with fewer names.
#pragma once

#include <cache/images/filter.hpp>
#include <cache/images/store.hpp>

#include <functional>
#include <string_view>
#include <vector>

namespace slipway {

class Database;
class ImageFacts;

// What went, in order.
struct RemovedImages {
  std::vector<Reference> untagged;
  std::vector<Digest> deleted;
};

// By a name, its name alone; with its last name the image. By name@digest all names of that
// repository for the image. By an ID the image with its names: where they are of several
// repositories, or several tags, only with `force`. Throws Error: no such image, several of that
// ID, names that are in the way, an image that belongs to an index.
RemovedImages remove_image(ImageStore& images, ImageFacts& facts, std::string_view name_or_id,
                           bool force);

// Only the images for these platforms, out of everything that has them; an image for one of them
// goes whole. Throws Error where there is none.
RemovedImages remove_platforms(ImageStore& images, ImageFacts& facts, std::string_view name_or_id,
                               const std::vector<Platform>& platforms);

// Whether something beside its names needs an image or index: a container.
using ImageInUse = std::function<bool(const Digest& id)>;

// Images without a name, and with `all` those that nothing uses, as far as the filter means them.
RemovedImages prune_images(ImageStore& images, ImageFacts& facts, const ImageFilter& filter,
                           bool all, const ImageInUse& in_use);

}  // namespace slipway
