// slipway export: an image's root file system as a tar, as `docker export` gives a container's.
#include "command.hpp"
#include "image_path.hpp"
#include "owned_store.hpp"

#include <cache/store.hpp>
#include <executor/export/export.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace slipway {
namespace {

struct Request {
  std::string image;
  std::string output = "-";
  std::string platform;
};

int export_image(const Request& request, const std::filesystem::path& root) {
  OwnedStore owned(root);
  const Image image = image_named(owned.store, request.image, request.platform);
  ExportSpec spec;
  spec.kind = ExportSpec::Kind::tar;
  spec.destination = request.output;
  export_files(spec, owned.store.layers().view(image.layers));
  return 0;
}

}  // namespace

std::function<int()> declare_export(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Writes the root file system of an image as one tar: its files alone, without layers, "
      "history\n"
      "or settings. For an image that can be loaded again there is slipway save.");
  app.add_option("image", request->image, "a name, an ID or the beginning of one")
      ->required()
      ->type_name("IMAGE");
  app.add_option("-o,--output", request->output, "a file (default: standard output)")
      ->type_name("FILE");
  app.add_option("--platform", request->platform, "of an image of several platforms, this one's")
      ->type_name("OS/ARCH");
  app.footer(R"(
Examples:
  slipway export app:1.2 -o app.tar
  slipway export app:1.2 | tar -x -C rootfs
  slipway export app:1.2 | slipway import - app:flat
)");
  return [request, &globals] { return export_image(*request, globals.root); };
}

}  // namespace slipway
