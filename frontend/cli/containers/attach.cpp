// slipway attach: the streams of a container that runs.
#include "../command.hpp"
#include "detach_keys.hpp"
#include "running.hpp"
#include "started.hpp"

#include <cache/containers/store.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>

namespace slipway {
namespace {

struct Request {
  std::string name;
  bool no_input = false;
  bool pass_signals = true;
  std::string detach_keys;
};

// A program that shows itself on the whole screen draws itself again.
void redraw(MonitorConnection& connection, const TerminalSize& size) {
  TerminalSize other = size;
  ++other.rows;
  if (connection.resize(other)) connection.resize(size);
}

int attach(const Request& request, const Globals& globals) {
  const std::string keys = parse_detach_keys(request.detach_keys);
  Store store(globals.root);
  const Container container = store.containers().get(request.name);
  return stay_with_running(store, container, {!request.no_input, request.pass_signals, keys});
}

}  // namespace

int stay_with_running(Store& store, const Container& container, const RunningOptions& options) {
  const ContainerState state = store.containers().state(container.id);
  const Error stopped = Error("the container " + quoted(container.name) + " does not run")
                            .hint("slipway start -a " + container.name);
  if (!state.alive()) throw stopped;
  if (state.status == ContainerStatus::paused)
    throw Error("the container " + quoted(container.name) + " is paused")
        .hint("slipway unpause " + container.name);
  const bool terminal = container.config.terminal;
  const bool input = container.config.keeps_input && options.input;
  require_terminal(terminal, input);
  AttachedEnd end;
  {
    AttachedClient client(
        {{input, true, true}, terminal, options.pass_signals, options.detach_keys});
    std::optional<MonitorConnection> connection =
        MonitorConnection::open(store.containers().folder(container.id));
    if (!connection || !connection->attach({input, true, true})) throw stopped;
    if (terminal) redraw(*connection, client.size());
    end = client.follow(*connection);
  }
  return attached_status(store, container, end);
}

std::function<int()> declare_attach(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Connects this terminal, or these streams, with a container that runs. What it printed "
      "before is "
      "in `slipway logs`. Ends with the container, and with its exit status.");
  app.add_option("container", request->name, "a name, an ID or the beginning of one")
      ->required()
      ->type_name("CONTAINER");
  app.add_flag("--no-stdin", request->no_input, "do not pass standard input on");
  app.add_flag("--sig-proxy", request->pass_signals,
               "pass signals on (the default; --sig-proxy=false: they end slipway alone)");
  app.add_option("--detach-keys", request->detach_keys,
                 "what leaves its terminal (default: ctrl-p,ctrl-q)")
      ->type_name("KEYS");
  app.footer(R"(
Examples:
  slipway attach tools                    Ctrl-P Ctrl-Q leaves it running
  slipway attach --sig-proxy=false web    watch; Ctrl-C ends the watching alone
)");
  return [request, &globals] { return attach(*request, globals); };
}

}  // namespace slipway
