// Outputs: writing a build's result somewhere else than the store (`docker buildx build --output`).
#pragma once

#include <cache/archive/pack.hpp>
#include <executor/export/annotations.hpp>
#include <ir/layer.hpp>
#include <ir/platform.hpp>
#include <ir/reference.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class StackView;
class Store;

struct ExportSpec {
  enum class Kind {
    image,       // the store
    local,       // the files, into a directory
    tar,         // the files, as one tar
    oci,         // an OCI image layout
    docker,      // what `docker load` reads
    cache_only,  // nothing: the steps are done, and their records kept
  };
  // Which layers become one: those above the base image, or all.
  enum class Squash { none, base, all };

  Kind kind = Kind::image;
  std::string destination;         // a path; "-": standard output; empty: none was given
  std::vector<std::string> names;  // name=, split at commas
  bool as_tar = true;              // oci, docker: tar=false gives a directory
  // local, tar: a directory for each platform; empty: where there are several.
  std::optional<bool> platform_split;
  // Empty: gzip, and nothing for a docker archive, whose reader would only have to undo it.
  std::optional<LayerFormat> layers;
  bool oci_types = true;
  bool oci_artifacts = true;  // false: attestations as images, as BuildKit made them until 0.31
  // Times after SOURCE_DATE_EPOCH in layers become that.
  bool rewrite_timestamp = false;
  Squash squash = Squash::none;
  bool push = false;             // image: also into its names' registries (type=registry)
  bool push_by_digest = false;   // without a tag
  AnnotationGroups annotations;  // annotation.KEY=, annotation-LEVEL[PLATFORM].KEY=

  // "OCI image layout", as progress names it.
  std::string text() const;
};

// "type=oci,dest=out.tar", "out" (a directory), "-" (a tar on standard output). Throws Error with
// a hint for what it does not know, or where there is no place to write to. `flag` is for messages.
ExportSpec parse_export(std::string_view text, std::string_view flag = "--output");

// One platform's image.
struct ExportedImage {
  Platform platform;   // as it was asked for: what its directory is called
  std::string config;  // JSON
  LayerStack layers;
  std::size_t base_layers = 0;  // the lowest of them, which are the base image's
  std::vector<Attestation> attestations{};  // of an output of files: written beside them
};

// What is written. Several images, or `several` with one, are those of an image index.
struct Exported {
  std::vector<ExportedImage> images;
  bool several = false;
  std::vector<Reference> names;
  std::optional<std::int64_t> epoch{};  // SOURCE_DATE_EPOCH, seconds
  bool inline_provenance = false;  // it is written into images alone, not beside files
};

// Throws Error with a hint where the spec has no place for several platforms.
void require_exportable(const ExportSpec& spec, bool several);

// The images with what the spec attaches to them, and how their layers leave the store. Throws
// Error for annotations that they have no place for.
ToPack to_pack(const ExportSpec& spec, const Exported& exported);
PackOptions pack_options(const ExportSpec& spec);

// Not for Kind::image and Kind::cache_only. `exported` is in the spec's shape (shape.hpp). Gives
// the manifest or index that an archive's names stand for; nothing of files. The files of several
// platforms go into a directory each, "linux_arm64", unless the spec says otherwise. Throws Error;
// a file that was being written is then gone, a directory may hold a part.
std::optional<BlobDescriptor> export_result(const ExportSpec& spec, const Exported& exported,
                                            Store& store);

// The same for files alone: Kind::local and Kind::tar.
void export_files(const ExportSpec& spec, const StackView& files);

}  // namespace slipway
