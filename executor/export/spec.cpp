#include <executor/export/export.hpp>

#include <executor/csv.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

using Kind = ExportSpec::Kind;

const std::vector<std::string> known_fields = {"type",
                                               "dest",
                                               "name",
                                               "tar",
                                               "platform-split",
                                               "compression",
                                               "compression-level",
                                               "force-compression",
                                               "oci-mediatypes",
                                               "oci-artifact",
                                               "rewrite-timestamp",
                                               "squash",
                                               "push",
                                               "push-by-digest"};

bool boolean(std::string_view key, std::string_view value, std::string_view flag) {
  if (value.empty()) return true;
  if (const std::optional<bool> read = read_boolean(value)) return *read;
  throw Error(std::string(flag) + ": " + std::string(key) + "=" + quoted(value) +
              " is neither true nor false");
}

Kind kind_of(const std::string& name, std::string_view flag) {
  if (name == "image" || name == "registry") return Kind::image;
  if (name == "local") return Kind::local;
  if (name == "tar") return Kind::tar;
  if (name == "oci") return Kind::oci;
  if (name == "docker") return Kind::docker;
  if (name == "cacheonly") return Kind::cache_only;
  throw Error(std::string(flag) + " does not know type " + quoted(name))
      .hint(did_you_mean(name, {"image", "registry", "local", "tar", "oci", "docker", "cacheonly"},
                         "image, registry, local, tar, oci, docker or cacheonly"));
}

Compression compression_of(const std::string& name, std::string_view flag) {
  if (name == "gzip") return Compression::gzip;
  if (name == "zstd") return Compression::zstd;
  if (name == "uncompressed") return Compression::none;
  throw Error(std::string(flag) + " does not know compression " + quoted(name))
      .hint("gzip, zstd or uncompressed");
}

int level_of(const std::string& text, std::string_view flag) {
  int level = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, level);
  if (read.ec != std::errc() || read.ptr != end) {
    throw Error(std::string(flag) + ": compression-level=" + quoted(text) + " is no number")
        .hint("0 to 12 for gzip, 0 to 22 for zstd");
  }
  return level;
}

ExportSpec::Squash squash_of(const std::string& name, std::string_view flag) {
  if (name == "base") return ExportSpec::Squash::base;
  if (name == "all") return ExportSpec::Squash::all;
  if (name == "none" || name == "false") return ExportSpec::Squash::none;
  throw Error(std::string(flag) + " does not know squash=" + quoted(name))
      .hint("base (the layers above the base image become one) or all");
}

// What says how an image is packed. `format` is empty until one of its fields comes. False: it is
// another field.
bool read_packing(const std::string& key, const std::string& value, std::string_view flag,
                  ExportSpec& spec) {
  const auto format = [&]() -> LayerFormat& {
    if (!spec.layers) spec.layers.emplace();
    return *spec.layers;
  };
  if (key == "compression") {
    format().compression = compression_of(value, flag);
  } else if (key == "compression-level") {
    format().level = level_of(value, flag);
  } else if (key == "force-compression") {
    format().force = boolean(key, value, flag);
  } else if (key == "oci-mediatypes") {
    spec.oci_types = boolean(key, value, flag);
  } else if (key == "oci-artifact") {
    spec.oci_artifacts = boolean(key, value, flag);
  } else if (key == "rewrite-timestamp") {
    spec.rewrite_timestamp = boolean(key, value, flag);
  } else if (key == "squash") {
    spec.squash = squash_of(value, flag);
  } else if (key == "push") {
    spec.push = boolean(key, value, flag);
  } else if (key == "push-by-digest") {
    spec.push_by_digest = boolean(key, value, flag);
  } else if (key == "unpack" || key == "store" || key == "prefer-nondist-layers" ||
             key == "attestation-inline") {
    // BuildKit's, about what slipway does anyway: an image in the store is unpacked, and its
    // attestations are attached to it.
    boolean(key, value, flag);
  } else {
    return add_annotation_attribute(key, value, spec.annotations);
  }
  return true;
}

// What cannot be had together, or of this kind of output.
void require_packing(const ExportSpec& spec, std::string_view text, std::string_view flag) {
  const std::string shown = std::string(flag) + " " + quoted(text);
  if (spec.layers) require_level(*spec.layers);
  if (spec.layers && spec.layers->compression == Compression::none && spec.layers->level) {
    throw Error(shown + ": what is not compressed has no compression-level");
  }
  if ((spec.push || spec.push_by_digest) && spec.kind != Kind::image) {
    throw Error(shown + ": only an image is pushed").hint("type=registry, or type=image,push=true");
  }
  const bool files = spec.kind == Kind::local || spec.kind == Kind::tar;
  if (files &&
      (spec.squash != ExportSpec::Squash::none || spec.layers || !spec.annotations.empty())) {
    throw Error(shown + ": files have neither layers nor annotations")
        .hint("type=oci, docker, image and registry have");
  }
}

}  // namespace

std::string ExportSpec::text() const {
  switch (kind) {
    case Kind::image:
      return "image";
    case Kind::local:
      return "client directory";
    case Kind::tar:
      return "client tarball";
    case Kind::oci:
      return "oci image format";
    case Kind::docker:
      return "docker image format";
    case Kind::cache_only:
      return "cache";
  }
  return "";
}

ExportSpec parse_export(std::string_view text, std::string_view flag) {
  const std::string shown(flag);
  ExportSpec spec;
  const std::vector<std::string> fields = split_csv(text, flag);
  // Short form: a path alone.
  if (fields.size() == 1 && fields[0].find('=') == std::string::npos) {
    if (fields[0].empty()) throw Error(shown + " is empty").hint(shown + " DIRECTORY");
    spec.destination = fields[0];
    spec.kind = spec.destination == "-" ? Kind::tar : Kind::local;
    return spec;
  }
  std::optional<Kind> kind;
  for (const std::string& field : fields) {
    const auto equals = field.find('=');
    const std::string key = field.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
    if (key == "type") {
      kind = kind_of(value, flag);
      if (value == "registry") spec.push = true;
    } else if (key == "dest") {
      spec.destination = value;
    } else if (key == "name") {
      for (std::string& name : split_csv(value, flag)) spec.names.push_back(std::move(name));
    } else if (key == "tar") {
      spec.as_tar = boolean(key, value, flag);
    } else if (key == "platform-split") {
      spec.platform_split = boolean(key, value, flag);
    } else if (key == "context") {
      // buildx: which docker the image goes into.
    } else if (!read_packing(key, value, flag, spec)) {
      throw Error(shown + " does not know " + quoted(key))
          .hint(did_you_mean(key, known_fields, "`slipway build --help` lists the fields"));
    }
  }
  if (!kind) throw Error(shown + " " + quoted(text) + " has no type").hint("type=local,dest=DIR");
  spec.kind = *kind;
  // As buildx: a docker archive without a place is an image in the store.
  if (spec.kind == Kind::docker && spec.destination.empty()) spec.kind = Kind::image;
  require_packing(spec, text, flag);
  if (spec.kind == Kind::image || spec.kind == Kind::cache_only) return spec;

  const bool directory = spec.kind == Kind::local || (spec.kind != Kind::tar && !spec.as_tar);
  if (directory && (spec.destination.empty() || spec.destination == "-")) {
    throw Error(shown + " type=" + std::string(spec.kind == Kind::local ? "local" : "oci") +
                " writes a directory and has none")
        .hint("dest=DIRECTORY");
  }
  if (spec.destination.empty()) spec.destination = "-";
  return spec;
}

void require_exportable(const ExportSpec& spec, bool several) {
  if (!several || spec.kind != Kind::docker) return;
  throw Error("--output type=docker has no place for several platforms")
      .hint("type=oci has one; or build a single --platform");
}

}  // namespace slipway
