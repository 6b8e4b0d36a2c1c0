#include <executor/export/export.hpp>

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
    case ExportSpec::Kind::image:
      break;
  }
  (void)config;
  (void)names;
  throw Error("this output is not written here");
}

}  // namespace slipway
