// Images from archives into the store: OCI image layouts (image-spec, image-layout.md) and what
// `docker save` writes, as a directory or a tar.
#pragma once

#include <cache/images/store.hpp>
#include <ir/platform.hpp>

#include <filesystem>
#include <string_view>
#include <vector>

namespace slipway {

class Store;
class PullProgress;

struct LoadedImage {
  Digest id;                     // of the image, or of the index of several
  std::vector<Reference> names;  // that the archive gives to it
  std::vector<Image> images;     // of an index those that the archive holds
};

// All images of the archive, in its order; their names move to them in the store. "-" is a tar on
// standard input. `platforms`: of images of several platforms those that are wanted; none: all that
// the archive holds, which may be fewer than its index lists. What is attached to an image, and
// the manifest it has there, are kept with it. Throws Error for what is malformed or has another
// digest than it should have, or where an image has nothing for a platform that is wanted; images
// before it are then in the store.
std::vector<LoadedImage> load_archive(Store& store, const std::filesystem::path& path,
                                      const std::vector<Platform>& platforms,
                                      PullProgress& progress);
inline std::vector<LoadedImage> load_archive(Store& store, const std::filesystem::path& path,
                                             const Platform& platform, PullProgress& progress) {
  return load_archive(store, path, std::vector{platform}, progress);
}

// One image of an OCI layout, without a name: `wanted` is a tag (annotation
// org.opencontainers.image.ref.name) or the digest of a manifest; empty: "latest", or the only one
// there is.
Image load_layout(Store& store, const std::filesystem::path& path, std::string_view wanted,
                  const Platform& platform, PullProgress& progress);

}  // namespace slipway
