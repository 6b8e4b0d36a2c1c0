// slipway start: containers that do not run.
#include "../command.hpp"
#include "../owned_store.hpp"
#include "detach_keys.hpp"
#include "named_containers.hpp"
#include "running.hpp"
#include "started.hpp"

#include <executor/containers/start.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::vector<std::string> names;
  bool attach = false;
  bool interactive = false;
  bool pass_signals = true;
  std::string detach_keys;
};

// As `run`: a container that cannot be started has docker's status.
int start_and_stay(const Request& request, const Globals& globals) {
  const std::string keys = parse_detach_keys(request.detach_keys);
  if (request.names.size() > 1)
    throw Error("only one container can be started and attached to")
        .hint("without --attach: several");
  OwnedStore owned(globals.root);
  const Container container = owned.store.containers().get(request.names.front());
  // A unit of systemd that takes over what was started by hand stays with it, as docker's would.
  if (owned.store.containers().state(container.id).alive())
    return stay_with_running(owned.store, container,
                             {request.interactive, request.pass_signals, keys});
  const ContainerConfig& config = container.config;
  const bool input = request.interactive && config.keeps_input;
  require_terminal(config.terminal, input);
  try {
    return start_attached(owned, container,
                          {{input, true, true}, request.pass_signals, keys, config.auto_remove});
  } catch (const NotStarted& error) {
    std::fputs(render(error, use_color()).c_str(), stderr);
    return error.status();
  }
}

int start(const Request& request, const Globals& globals) {
  if (request.attach || request.interactive) return start_and_stay(request, globals);
  OwnedStore owned(globals.root);
  for_each_name(request.names, [&owned](const std::string& name) {
    const Container container = owned.store.containers().get(name);
    // One that runs is started already, as for docker.
    if (owned.store.containers().state(container.id).alive()) return;
    start_detached(owned, container);
  });
  return 0;
}

}  // namespace

std::function<int()> declare_start(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Starts containers that were made by create, or have ended. Each has its files as they "
      "were.");
  app.add_option("container", request->names, "names, IDs or beginnings of IDs")
      ->required()
      ->type_name("CONTAINER...");
  app.add_flag("-a,--attach", request->attach,
               "show its output, pass signals on, and end with its exit status");
  app.add_flag("-i,--interactive", request->interactive, "the same, and pass standard input on");
  app.add_flag("--sig-proxy", request->pass_signals, "pass signals on (the default)");
  app.add_option("--detach-keys", request->detach_keys,
                 "what leaves its terminal (default: ctrl-p,ctrl-q)")
      ->type_name("KEYS");
  app.footer(R"(
Examples:
  slipway start web db
  slipway start -ai tools      a container of `slipway create -it`, at its terminal
)");
  return [request, &globals] { return start(*request, globals); };
}

}  // namespace slipway
