#include <executor/export/export.hpp>

#include <cache/archive/save.hpp>
#include <cache/images/time.hpp>
#include <cache/layers/tar_writer.hpp>
#include <cache/store.hpp>
#include <executor/attest/statement.hpp>
#include <executor/export/added_files.hpp>
#include <executor/export/local.hpp>
#include <executor/export/merged.hpp>
#include <executor/export/output_file.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

namespace slipway {
namespace {

// The files of one platform, and the directory they go into; "": none of their own.
struct Part {
  StackView files;
  std::string directory;
  std::string platform;
};

// "linux_arm_v7", as BuildKit calls it.
std::string directory_of(const Platform& platform) {
  std::string name = platform.text();
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

// Without directories of their own, the platforms must not have a file each at the same place.
void require_apart(const std::vector<Part>& parts) {
  std::map<std::string, std::string> taken;  // path to platform
  for (const Part& part : parts) {
    walk_merged(part.files, [&](const Entry& entry) {
      if (entry.type == Entry::Type::directory) return;
      const auto [other, fresh] = taken.try_emplace(entry.path, part.platform);
      if (fresh) return;
      throw Error("both " + other->second + " and " + part.platform + " have " + quoted(entry.path))
          .hint("without platform-split=false each platform gets a directory of its own");
    });
  }
}

void export_tar(const std::vector<Part>& parts, const std::string& destination) {
  OutputFile file(destination);
  TarWriter tar([&](std::span<const std::byte> bytes) { file.write(bytes); },
                TarWriter::Kind::plain);
  std::set<std::string> directories;
  for (const Part& part : parts) {
    const auto placed = [&](const std::string& path) {
      return part.directory.empty() || path.empty() ? path : part.directory + "/" + path;
    };
    if (!part.directory.empty()) {
      Entry own;
      own.path = part.directory;
      own.type = Entry::Type::directory;
      own.mode = 0755;
      tar.add(own);
    }
    walk_merged(part.files, [&](const Entry& entry) {
      Entry added = entry;
      added.path = placed(entry.path);
      added.hard_link = placed(entry.hard_link);
      if (added.type == Entry::Type::directory && !directories.insert(added.path).second) return;
      tar.add(added);
      if (entry.type != Entry::Type::file || !entry.hard_link.empty() || entry.size == 0) return;
      read_merged(part.files, entry, [&](std::span<const std::byte> bytes) { tar.write(bytes); });
    });
  }
  tar.finish();
  file.finish();
}

void export_parts(const ExportSpec& spec, const std::vector<Part>& parts) {
  if (spec.kind == ExportSpec::Kind::tar) return export_tar(parts, spec.destination);
  for (const Part& part : parts) {
    export_local(part.files, std::filesystem::path(spec.destination) / part.directory);
  }
}

BlobDescriptor export_archive(const ExportSpec& spec, const Exported& exported, Store& store) {
  const ToPack image = to_pack(spec, exported);
  SaveOptions options;
  options.docker = spec.kind == ExportSpec::Kind::docker;
  options.pack = pack_options(spec);
  if (!spec.as_tar) return save_directory(store, {image}, options, spec.destination).front();
  OutputFile file(spec.destination);
  const auto roots = save_tar(store, {image}, options,
                              [&](std::span<const std::byte> bytes) { file.write(bytes); });
  file.finish();
  return roots.front();
}

}  // namespace

ToPack to_pack(const ExportSpec& spec, const Exported& exported) {
  ToPack image;
  image.index = exported.several;
  image.names = exported.names;
  for (const std::string& name : spec.names) {
    Reference reference = parse_reference(name);
    if (std::find(image.names.begin(), image.names.end(), reference) == image.names.end()) {
      image.names.push_back(std::move(reference));
    }
  }
  image.annotations = spec.annotations.of_index();
  std::vector<Platform> platforms;
  bool attested = false;
  for (const ExportedImage& each : exported.images) {
    platforms.push_back(each.platform);
    attested |= !each.attestations.empty();
    image.images.push_back({each.config, {spec.annotations.of(each.platform), each.attestations}});
  }
  spec.annotations.require_platforms(platforms);
  // As BuildKit: what would have to hold the annotations is not written.
  if (!image.annotations.empty() && !image.index && !attested) {
    throw Error("an image of one platform has no index to annotate")
        .hint("annotate the manifest; or build with --build-arg BUILDKIT_MULTI_PLATFORM=1");
  }
  const bool annotated =
      !image.annotations.empty() ||
      std::any_of(image.images.begin(), image.images.end(),
                  [](const ImageToPack& each) { return !each.attachments.annotations.empty(); });
  if (!spec.oci_types && (attested || annotated)) {
    throw Error(std::string("docker's media types have no place for ") +
                (attested ? "attestations" : "annotations"))
        .hint("leave oci-mediatypes=false out");
  }
  return image;
}

PackOptions pack_options(const ExportSpec& spec) {
  PackOptions options;
  options.layers =
      spec.layers.value_or(spec.kind == ExportSpec::Kind::docker ? docker_layers() : LayerFormat{});
  options.oci_types = spec.oci_types;
  options.oci_artifacts = spec.oci_artifacts;
  return options;
}

void export_files(const ExportSpec& spec, const StackView& files) {
  export_parts(spec, {{files, "", ""}});
}

std::optional<BlobDescriptor> export_result(const ExportSpec& spec, const Exported& exported,
                                            Store& store) {
  require_exportable(spec, exported.several);
  switch (spec.kind) {
    case ExportSpec::Kind::local:
    case ExportSpec::Kind::tar: {
      const bool split = spec.platform_split.value_or(exported.several);
      std::vector<Part> parts;
      std::vector<std::optional<Staging>> added(exported.images.size());  // outlive the parts
      for (const ExportedImage& image : exported.images) {
        const StackView files = store.layers().view(image.layers);
        const std::string directory = directory_of(image.platform);
        std::vector<Attestation> beside = image.attestations;
        if (exported.inline_provenance) std::erase_if(beside, is_provenance);
        const auto statements =
            statement_files(beside, files, exported.several && !split ? directory : "");
        const std::int64_t time =
            statements.empty() ? 0
                               : parse_time(read_image_config(image.config).created).value_or(0);
        parts.push_back({with_files(files, statements, time, store.layers(), added[parts.size()]),
                         split ? directory : "", image.platform.text()});
      }
      if (!split && parts.size() > 1) require_apart(parts);
      export_parts(spec, parts);
      return std::nullopt;
    }
    case ExportSpec::Kind::oci:
    case ExportSpec::Kind::docker:
      return export_archive(spec, exported, store);
    case ExportSpec::Kind::image:
    case ExportSpec::Kind::cache_only:
      break;
  }
  throw Error("an image in the store is not an output file");
}

}  // namespace slipway
