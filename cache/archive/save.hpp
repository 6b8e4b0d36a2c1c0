// Images out of the store, as archives that other tools read.
//
// Both formats are OCI image layouts (image-spec, image-layout.md). docker's has a manifest.json as
// well, as `docker save` has written it since version 25, and its layers are not compressed:
// whoever loads it would only have to undo that. The same images give the same bytes.
#pragma once

#include <cache/archive/compression.hpp>
#include <cache/images/manifest.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>
#include <ir/reference.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace slipway {

class Store;

struct SavedImage {
  std::string config_json;
  std::vector<Reference> names;  // those without a tag are left out: the formats have no place
  // Not empty: an index of these images' configs, each for its platform; config_json does not count.
  // docker's manifest.json, which knows no platforms, has the one for this machine, or the first.
  std::vector<std::string> platforms{};
};

struct SaveOptions {
  bool docker = false;                            // with a manifest.json
  Compression compression = Compression::gzip;
};

// Writes a tar, and gives what the names of each image stand for: a manifest, or an index. Throws
// Error if a layer is not in the store.
std::vector<BlobDescriptor> save_tar(Store& store, const std::vector<SavedImage>& images,
                                     const SaveOptions& options, const ByteSink& sink);
// Writes into a directory, which is made where it is missing. What is there already stays, but for
// the files of the same names; index.json comes last. Gives what save_tar() gives.
std::vector<BlobDescriptor> save_directory(Store& store, const std::vector<SavedImage>& images,
                                           const SaveOptions& options,
                                           const std::filesystem::path& directory);

}  // namespace slipway
