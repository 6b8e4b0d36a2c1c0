#include <executor/export/export.hpp>

#include <cache/archive/save.hpp>
#include <cache/layers/tar_writer.hpp>
#include <cache/store.hpp>
#include <executor/export/local.hpp>
#include <executor/export/merged.hpp>
#include <executor/export/output_file.hpp>
#include <ir/error.hpp>

namespace slipway {
namespace {

void export_tar(const StackView& view, const std::string& destination) {
  OutputFile file(destination);
  TarWriter tar([&](std::span<const std::byte> bytes) { file.write(bytes); });
  walk_merged(view, [&](const Entry& entry) {
    tar.add(entry);
    if (entry.type != Entry::Type::file || !entry.hard_link.empty() || entry.size == 0) return;
    read_merged(view, entry, [&](std::span<const std::byte> bytes) { tar.write(bytes); });
  });
  tar.finish();
  file.finish();
}

Compression compression_of(ExportSpec::Compression wanted) {
  switch (wanted) {
    case ExportSpec::Compression::gzip: return Compression::gzip;
    case ExportSpec::Compression::zstd: return Compression::zstd;
    case ExportSpec::Compression::uncompressed: return Compression::none;
  }
  return Compression::gzip;
}

void export_archive(const ExportSpec& spec, std::string_view config,
                    const std::vector<Reference>& names, Store& store) {
  SavedImage image{.config_json = std::string(config), .names = names};
  for (const std::string& name : spec.names) image.names.push_back(parse_reference(name));
  SaveOptions options;
  options.docker = spec.kind == ExportSpec::Kind::docker;
  options.compression = options.docker ? Compression::none : compression_of(spec.compression);
  if (!spec.as_tar) return save_directory(store, {image}, options, spec.destination);
  OutputFile file(spec.destination);
  save_tar(store, {image}, options,
           [&](std::span<const std::byte> bytes) { file.write(bytes); });
  file.finish();
}

}  // namespace

void export_result(const ExportSpec& spec, std::string_view config, const LayerStack& layers,
                   const std::vector<Reference>& names, Store& store) {
  switch (spec.kind) {
    case ExportSpec::Kind::local:
      return export_local(store.layers().view(layers), spec.destination);
    case ExportSpec::Kind::tar:
      return export_tar(store.layers().view(layers), spec.destination);
    case ExportSpec::Kind::oci:
    case ExportSpec::Kind::docker:
      return export_archive(spec, config, names, store);
    case ExportSpec::Kind::image:
      throw Error("an image in the store is not an output file");
  }
}

}  // namespace slipway
