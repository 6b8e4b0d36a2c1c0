// slipway rename: gives a container another name.
#include "../command.hpp"

#include <cache/containers/store.hpp>
#include <cache/store.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace slipway {

std::function<int()> declare_rename(CLI::App& app, const Globals& globals) {
  struct Request {
    std::string container;
    std::string name;
  };
  auto request = std::make_shared<Request>();
  app.description("Gives a container another name, whether it runs or not.");
  app.add_option("container", request->container, "its name, its ID or the beginning of that")
      ->required()
      ->type_name("CONTAINER");
  app.add_option("name", request->name, "the new one")->required()->type_name("NAME");
  app.footer(R"(
Examples:
  slipway rename brave_sextant web
)");
  return [request, &globals] {
    Store store(globals.root);
    ContainerStore& containers = store.containers();
    containers.rename(containers.get(request->container).id, request->name);
    return 0;
  };
}

}  // namespace slipway
