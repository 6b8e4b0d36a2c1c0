// slipway pause: containers that stand still.
#include "../command.hpp"
#include "named_containers.hpp"

#include <cache/containers/store.hpp>
#include <cache/store.hpp>
#include <executor/containers/monitor_connection.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>

namespace slipway {
namespace {

int pause(const std::vector<std::string>& names, const Globals& globals) {
  Store store(globals.root);
  for_each_name(names, [&store](const std::string& name) {
    const Container container = store.containers().get(name);
    if (store.containers().state(container.id).status == ContainerStatus::paused)
      throw Error("the container " + quoted(name) + " is paused already");
    std::optional<MonitorConnection> connection =
        MonitorConnection::open(store.containers().folder(container.id));
    if (!connection || !connection->pause())
      throw Error("the container " + quoted(name) + " does not run");
  });
  return 0;
}

}  // namespace

std::function<int()> declare_pause(CLI::App& app, const Globals& globals) {
  auto names = std::make_shared<std::vector<std::string>>();
  app.description(
      "Lets all processes of containers stand still, by their control group. What they hold in "
      "memory stays.");
  app.add_option("container", *names, "names, IDs or beginnings of IDs")
      ->required()
      ->type_name("CONTAINER...");
  app.footer(R"(
Examples:
  slipway pause web db
)");
  return [names, &globals] { return pause(*names, globals); };
}

}  // namespace slipway
