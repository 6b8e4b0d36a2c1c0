// Taking names away, and images with their last name: docker's rules for `rmi` and `image prune`.
//
// Layers stay until the cache has no use for them (cache/room). Each function is one transaction or
// several, of which any may be the last: what is left then is a store with fewer names.
#pragma once

#include <cache/images/filter.hpp>
#include <cache/images/store.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class ContainerStore;
class ImageFacts;

// What went, in order.
struct RemovedImages {
  std::vector<Reference> untagged;
  std::vector<Digest> deleted;
};

// A container that was made from an image.
struct ImageUser {
  std::string container;  // its ID
  bool running = false;
};
// Those of an image, or of the images of an index. A null one: there are no containers.
using ImageUsers = std::function<std::vector<ImageUser>(const Digest& id)>;
// The store's.
ImageUsers users_among(const ContainerStore& containers);

// By a name, its name alone; with its last name the image. By name@digest all names of that
// repository for the image. By an ID the image with its names: where they are of several
// repositories, or several tags, only with `force`. An image that a container has loses its last
// name, and goes, only with `force`: the container keeps the layers. One that a container has that
// runs loses its names and stays; by its ID it is not removed at all. Throws Error: no such image,
// several of that ID, names or containers that are in the way, an image that belongs to an index.
RemovedImages remove_image(ImageStore& images, ImageFacts& facts, std::string_view name_or_id,
                           bool force, const ImageUsers& users = nullptr);

// Only the images for these platforms, out of everything that has them; an image for one of them
// goes whole. Throws Error where there is none, or where a container has it that runs.
RemovedImages remove_platforms(ImageStore& images, ImageFacts& facts, std::string_view name_or_id,
                               const std::vector<Platform>& platforms,
                               const ImageUsers& users = nullptr);

// Images without a name, and with `all` those with one, as far as the filter means them and no
// container has them.
RemovedImages prune_images(ImageStore& images, ImageFacts& facts, const ImageFilter& filter,
                           bool all, const ImageUsers& users);

}  // namespace slipway
