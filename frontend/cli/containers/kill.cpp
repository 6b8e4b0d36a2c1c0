// slipway kill: signals to containers.
#include "../command.hpp"
#include "named_containers.hpp"
#include "stop_signal.hpp"

#include <cache/containers/store.hpp>
#include <cache/store.hpp>
#include <executor/containers/monitor_connection.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>

namespace slipway {
namespace {

struct Request {
  std::vector<std::string> names;
  std::string signal = "KILL";
};

int kill(const Request& request, const Globals& globals) {
  const int signal = required_signal(request.signal, "--signal");
  Store store(globals.root);
  for_each_name(request.names, [&](const std::string& name) {
    const Container container = store.containers().get(name);
    std::optional<MonitorConnection> connection =
        MonitorConnection::open(store.containers().folder(container.id));
    if (!connection || !connection->signal(signal))
      throw Error("the container " + quoted(name) + " does not run");
  });
  return 0;
}

}  // namespace

std::function<int()> declare_kill(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Sends a signal to the first process of containers: KILL, if no other is named.");
  app.add_option("container", request->names, "names, IDs or beginnings of IDs")
      ->required()
      ->type_name("CONTAINER...");
  app.add_option("-s,--signal", request->signal, "what is sent (default: KILL)")
      ->type_name("SIGNAL");
  app.footer(R"(
Examples:
  slipway kill web
  slipway kill -s HUP web      to read its configuration again
)");
  return [request, &globals] { return kill(*request, globals); };
}

}  // namespace slipway
