// slipway inspect: all that is known of containers, images, volumes and networks, as docker shows
// it.
#include "command.hpp"
#include "containers/describe_container.hpp"
#include "containers/describe_network.hpp"
#include "containers/describe_volume.hpp"
#include "describe_image.hpp"
#include "described.hpp"
#include "owned_store.hpp"

#include <cache/containers/networks.hpp>
#include <cache/containers/store.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/images/store.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::vector<std::string> names;
  std::string format;
  std::string type;  // empty: whatever is called so
  std::string platform;
  bool size = false;
};

void require_type(const std::string& type) {
  const std::vector<std::string> known{"container", "image", "network", "volume"};
  if (type.empty() || std::find(known.begin(), known.end(), type) != known.end()) return;
  throw Error("--type does not know " + quoted(type))
      .hint(did_you_mean(type, known, "container, image, network or volume"));
}

// As docker looks for a name: containers first.
Described describe_any(Store& store, const Request& request, const std::string& name,
                       const std::optional<Platform>& platform) {
  try {
    return describe_container(store, store.containers().get(name), request.size);
  } catch (const NoSuchContainer&) {
    // it may be something else
  }
  try {
    return describe_image(store, name, platform);
  } catch (const NoSuchImage& error) {
    if (const auto network = find_network(store, name)) return describe_network(store, *network);
    if (const auto volume = store.volumes().find(name)) return describe_volume(store, *volume);
    throw Error(std::string(error.what()) + ", and no container, network or volume of that name")
        .hint(error.diagnostics().front().hint);
  }
}

Described describe(Store& store, const Request& request, const std::string& name,
                   const std::optional<Platform>& platform) {
  if (request.type == "container")
    return describe_container(store, store.containers().get(name), request.size);
  if (request.type == "image") return describe_image(store, name, platform);
  if (request.type == "volume") return describe_volume(store, store.volumes().get(name));
  if (request.type == "network") {
    if (const auto network = find_network(store, name)) return describe_network(store, *network);
    return describe_network(store, store.networks().get(name));  // throws
  }
  return describe_any(store, request, name, platform);
}

int inspect(const Request& request, const std::filesystem::path& root) {
  require_type(request.type);
  DescribedList list(request.format);
  if (list.wrong_format()) return *list.wrong_format();
  std::optional<Platform> platform;
  if (!request.platform.empty()) platform = parse_platform(request.platform);
  // Sizes are of files that other ids may own.
  std::optional<OwnedStore> owned;
  std::optional<Store> plain;
  if (request.size) {
    owned.emplace(root, false);
  } else {
    plain.emplace(root);
  }
  Store& store = request.size ? owned->store : *plain;
  for (const std::string& name : request.names)
    list.add([&] { return describe(store, request, name, platform); });
  return list.show();
}

// `type`: the only one, where the command stands behind its word.
std::function<int()> declare(CLI::App& app, const Globals& globals, const std::string& type) {
  auto request = std::make_shared<Request>();
  request->type = type;
  app.add_option("name", request->names, "names, IDs or beginnings of IDs")
      ->required()
      ->type_name("NAME...");
  app.add_option("-f,--format", request->format, "json (the list in one line), or a Go template")
      ->type_name("FORMAT");
  if (type.empty())
    app.add_option("--type", request->type, "only this: container, image, network or volume")
        ->type_name("TYPE");
  if (type.empty() || type == "image")
    app.add_option("--platform", request->platform, "of an image of several platforms, this one's")
        ->type_name("OS/ARCH");
  if (type.empty() || type == "container")
    app.add_flag("-s,--size", request->size, "with how much a container has changed");
  return [request, &globals] { return inspect(*request, globals.root); };
}

}  // namespace

std::function<int()> declare_inspect(CLI::App& app, const Globals& globals) {
  app.description(
      "Shows all that is known of containers, images, networks and volumes, as a JSON list. What "
      "is "
      "called alike is looked for in that order.");
  app.footer(R"(
Examples:
  slipway inspect app
  slipway inspect -f '{{.State.Status}} {{.State.ExitCode}}' web
  slipway inspect -f '{{.NetworkSettings.IPAddress}}' web
  slipway inspect -f '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}' web
  slipway inspect --type image -f '{{.Architecture}} {{.Size}}' app
  slipway inspect -f '{{index .Config.Labels "org.opencontainers.image.version"}}' app
  slipway inspect -f '{{range .Config.Env}}{{println .}}{{end}}' app
  slipway inspect app | jq -r '.[0].Manifests[].ImageData.Platform.architecture'
)");
  return declare(app, globals, "");
}

std::function<int()> declare_image_inspect(CLI::App& app, const Globals& globals) {
  app.description("Shows all that is known of images, as a JSON list.");
  app.footer(R"(
Examples:
  slipway image inspect app
  slipway image inspect -f '{{.Architecture}} {{.Size}}' app
  slipway image inspect -f '{{json .RootFS.Layers}}' app
)");
  return declare(app, globals, "image");
}

std::function<int()> declare_container_inspect(CLI::App& app, const Globals& globals) {
  app.description("Shows all that is known of containers, as a JSON list.");
  app.footer(R"(
Examples:
  slipway container inspect web
  slipway container inspect -f '{{.State.Status}} {{.State.ExitCode}}' web
  slipway container inspect -f '{{range .Mounts}}{{println .Source .Destination}}{{end}}' web
)");
  return declare(app, globals, "container");
}

}  // namespace slipway
