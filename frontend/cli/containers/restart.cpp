// slipway restart: stop, and start.
#include "../command.hpp"
#include "../owned_store.hpp"
#include "named_containers.hpp"
#include "started.hpp"
#include "stop_signal.hpp"

#include <executor/containers/monitor_connection.hpp>
#include <executor/containers/remove.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>

namespace slipway {
namespace {

struct Request {
  std::vector<std::string> names;
  StopFlags flags;
};

// With --rm its monitor would have it removed between the two, unless somebody says that he will.
std::optional<MonitorConnection> kept_from_removal(Store& store, const Container& container) {
  if (!container.config.auto_remove) return std::nullopt;
  std::optional<MonitorConnection> connection =
      MonitorConnection::open(store.containers().folder(container.id));
  if (connection) connection->will_remove();
  return connection;
}

int restart(const Request& request, const Globals& globals) {
  require_stop_flags(request.flags);
  OwnedStore owned(globals.root);
  for_each_name(request.names, [&](const std::string& name) {
    const Container container = owned.store.containers().get(name);
    const Stopping how = stopping(request.flags, container.config);
    const auto kept = kept_from_removal(owned.store, container);
    stop_container(owned.store, container, how.signal, how.seconds);
    start_detached(owned, container);
  });
  return 0;
}

}  // namespace

std::function<int()> declare_restart(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Stops containers, as `slipway stop` does, and starts them again.");
  app.add_option("container", request->names, "names, IDs or beginnings of IDs")
      ->required()
      ->type_name("CONTAINER...");
  declare_stop_flags(app, request->flags);
  app.footer(R"(
Examples:
  slipway restart web
  slipway restart -t 0 web db      without waiting
)");
  return [request, &globals] { return restart(*request, globals); };
}

}  // namespace slipway
