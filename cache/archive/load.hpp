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

// All images of the archive, in its order, each with the names that it gives to it; these move to
// it in the store. "-" is a tar on standard input. Of an index, the variant for `platform` is
// loaded. Throws Error for what is malformed or has another digest than it should have; images
// before it are then in the store.
std::vector<Image> load_archive(Store& store, const std::filesystem::path& path,
                                const Platform& platform, PullProgress& progress);

// One image of an OCI layout, without a name: `wanted` is a tag (annotation
// org.opencontainers.image.ref.name) or the digest of a manifest; empty: "latest", or the only one
// there is.
Image load_layout(Store& store, const std::filesystem::path& path, std::string_view wanted,
                  const Platform& platform, PullProgress& progress);

}  // namespace slipway
