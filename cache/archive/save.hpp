// Images out of the store, as archives that other tools read.
//
// Both formats are OCI image layouts (image-spec, image-layout.md). docker's has a manifest.json as
// well, as `docker save` has written it since version 25. The same images give the same bytes.
#pragma once

#include <cache/archive/pack.hpp>
#include <cache/stream.hpp>

#include <filesystem>
#include <vector>

namespace slipway {

class Store;

struct SaveOptions {
  // With a manifest.json; of several platforms it has the one for this machine, or the first.
  bool docker = false;
  PackOptions pack;
};

// What an archive for docker has: layers that no blob is kept of are not compressed, because
// whoever loads it would only have to undo that.
inline LayerFormat docker_layers() {
  return {.compression = Compression::none};
}

// Writes a tar. The images' names are the archive's for them; those without a tag are left out: the
// formats have no place for them. Gives what the names of each image stand for: a
// manifest, or an index. Throws Error if a layer is not in the store.
std::vector<BlobDescriptor> save_tar(Store& store, const std::vector<ToPack>& images,
                                     const SaveOptions& options, const ByteSink& sink);
// Writes into a directory, which is made where it is missing. What is there already stays, but for
// the files of the same names; index.json comes last, and keeps the images that others put into it,
// but for those that are called the same. Gives what save_tar() gives.
std::vector<BlobDescriptor> save_directory(Store& store, const std::vector<ToPack>& images,
                                           const SaveOptions& options,
                                           const std::filesystem::path& directory);

}  // namespace slipway
