// slipway export: the root file system of a container or an image as a tar.
#include "command.hpp"
#include "image_path.hpp"
#include "owned_store.hpp"

#include <cache/store.hpp>
#include <executor/containers/container_tree.hpp>
#include <executor/containers/join.hpp>
#include <executor/containers/own_layer.hpp>
#include <executor/export/export.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>

namespace slipway {
namespace {

struct Request {
  std::string name;
  std::string output = "-";
  std::string platform;
};

std::optional<Container> container_named(Store& store, const std::string& name) {
  try {
    return store.containers().get(name);
  } catch (const NoSuchContainer&) {
    return std::nullopt;  // an image, then
  }
}

Image image_of(Store& store, const Request& request) {
  try {
    return image_named(store, request.name, request.platform);
  } catch (const NoSuchImage&) {
    if (!request.platform.empty()) throw;
    throw Error("there is no container and no image " + quoted(request.name))
        .hint("`slipway ps -a` lists containers, `slipway images` images");
  }
}

int export_files_of(const Request& request, const std::filesystem::path& root) {
  ExportSpec spec;
  spec.kind = ExportSpec::Kind::tar;
  spec.destination = request.output;
  if (request.platform.empty()) enter_containers_user_namespace(root, request.name);
  OwnedStore owned(root);
  Store& store = owned.store;
  std::optional<Container> container;
  if (request.platform.empty()) container = container_named(store, request.name);
  if (container) {
    const PausedContainer paused(store, *container);
    export_files(spec, OwnLayer(store, *container).merged());
  } else {
    export_files(spec, store.layers().view(image_of(store, request).layers));
  }
  return 0;
}

}  // namespace

std::function<int()> declare_export(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Writes the root file system of a container, or of an image, as one tar: its files alone,\n"
      "without what is mounted, layers, history or settings. A container that runs stands still\n"
      "meanwhile. For an image that can be loaded again there is slipway save.");
  app.add_option("name", request->name, "a container's or image's name, ID or the beginning of one")
      ->required()
      ->type_name("CONTAINER|IMAGE");
  app.add_option("-o,--output", request->output, "a file (default: standard output)")
      ->type_name("FILE");
  app.add_option("--platform", request->platform, "of an image of several platforms, this one's")
      ->type_name("OS/ARCH");
  app.footer(R"(
Examples:
  slipway export box -o box.tar
  slipway export app:1.2 -o app.tar
  slipway export app:1.2 | tar -x -C rootfs
  slipway export app:1.2 | slipway import - app:flat
)");
  return [request, &globals] { return export_files_of(*request, globals.root); };
}

}  // namespace slipway
