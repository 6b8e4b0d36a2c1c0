// slipway wait: until containers have ended.
#include "../command.hpp"
#include "../print.hpp"

#include <cache/containers/store.hpp>
#include <cache/store.hpp>
#include <executor/containers/monitor_connection.hpp>
#include <executor/containers/remove.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

int exit_status(Store& store, const std::string& name) {
  const Container container = store.containers().get(name);
  std::optional<MonitorConnection> connection =
      MonitorConnection::open(store.containers().folder(container.id));
  // Of one that does not run this is what is known of it.
  if (!connection) return store.containers().state(container.id).exit_code;
  if (const std::optional<int> status = connection->wait()) return *status;
  return state_after_monitor(store, container).exit_code;
}

int wait(const std::vector<std::string>& names, const Globals& globals) {
  Store store(globals.root);
  std::vector<Diagnostic> failures;
  for (const std::string& name : names) {
    try {
      print(std::to_string(exit_status(store, name)) + "\n");
    } catch (const Error& error) {
      failures.insert(failures.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
    std::fflush(stdout);
  }
  if (!failures.empty()) throw Error(std::move(failures));
  return 0;
}

}  // namespace

std::function<int()> declare_wait(CLI::App& app, const Globals& globals) {
  auto names = std::make_shared<std::vector<std::string>>();
  app.description(
      "Waits until containers have ended, and prints the exit status of each. One that does not "
      "run has "
      "ended.");
  app.add_option("container", *names, "names, IDs or beginnings of IDs")
      ->required()
      ->type_name("CONTAINER...");
  app.footer(R"(
Examples:
  slipway run -d --name job app && slipway wait job
  [ $(slipway wait job) = 0 ] || slipway logs job
)");
  return [names, &globals] { return wait(*names, globals); };
}

}  // namespace slipway
