// slipway stop: containers asked to end, and then made to.
#include "../command.hpp"
#include "named_containers.hpp"
#include "stop_signal.hpp"

#include <cache/containers/store.hpp>
#include <cache/store.hpp>
#include <executor/containers/remove.hpp>

#include <CLI/CLI.hpp>

#include <memory>

namespace slipway {
namespace {

struct Request {
  std::vector<std::string> names;
  StopFlags flags;
};

int stop(const Request& request, const Globals& globals) {
  require_stop_flags(request.flags);
  Store store(globals.root);
  // Each may take its ten seconds.
  for_all_names(request.names, [&](const std::string& name) {
    const Container container = store.containers().get(name);
    const Stopping how = stopping(request.flags, container.config);
    stop_container(store, container, how.signal, how.seconds);
  });
  return 0;
}

}  // namespace

std::function<int()> declare_stop(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Asks containers to end, by the signal that the image or --stop-signal names (TERM), and "
      "kills "
      "those that have not done so after ten seconds. Several are stopped at once.");
  app.add_option("container", request->names, "names, IDs or beginnings of IDs")
      ->required()
      ->type_name("CONTAINER...");
  declare_stop_flags(app, request->flags);
  app.footer(R"(
Examples:
  slipway stop web
  slipway stop -t 60 db              a minute to write everything down
  slipway stop -s INT $(slipway ps -q)
)");
  return [request, &globals] { return stop(*request, globals); };
}

}  // namespace slipway
