// Outputs: writing a build's result somewhere else than the store (`docker buildx build --output`).
#pragma once

#include <ir/layer.hpp>
#include <ir/reference.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Store;

struct ExportSpec {
  enum class Kind {
    image,   // the store
    local,   // the files, into a directory
    tar,     // the files, as one tar
    oci,     // an OCI image layout
    docker,  // what `docker load` reads
  };
  enum class Compression { gzip, zstd, uncompressed };

  Kind kind = Kind::image;
  std::string destination;         // a path; "-": standard output; empty: none was given
  std::vector<std::string> names;  // name=, split at commas
  bool as_tar = true;              // oci, docker: tar=false gives a directory
  // Of layers that have no blob yet; docker archives are always uncompressed.
  Compression compression = Compression::gzip;

  // "OCI image layout", as progress names it.
  std::string text() const;
};

// "type=oci,dest=out.tar", "out" (a directory), "-" (a tar on standard output). Throws Error with
// a hint for what it does not know, or where there is no place to write to.
ExportSpec parse_export(std::string_view text);

// Writes the image that `config` (JSON) and `layers` make. Not for Kind::image. Throws Error; a
// file that was being written is then gone, a directory may hold a part.
void export_result(const ExportSpec& spec, std::string_view config, const LayerStack& layers,
                   const std::vector<Reference>& names, Store& store);

}  // namespace slipway
