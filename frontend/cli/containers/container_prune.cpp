// slipway container prune: removes the containers that do not run.
#include "../ask.hpp"
#include "../command.hpp"
#include "../owned_store.hpp"
#include "../print.hpp"
#include "../rows.hpp"
#include "../table.hpp"
#include "container_filter.hpp"

#include <cache/room/tree_size.hpp>
#include <executor/containers/remove.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  bool force = false;
  std::vector<std::string> filters;
};

int prune(const Request& request, const std::filesystem::path& root) {
  // A filter that is wrong is told before anything is asked.
  const PruneFilter filter(request.filters, {"until", "label", "label!"});
  if (!request.force && !confirmed("This will remove all stopped containers.")) return 0;
  OwnedStore owned(root, false);
  ContainerStore& containers = owned.store.containers();
  std::uint64_t bytes = 0;
  std::string removed;
  std::vector<Diagnostic> failures;
  for (const Container& container : containers.list()) {
    if (!filter.matches(container.created, container.config.labels)) continue;
    if (containers.state(container.id).alive()) continue;
    try {
      const std::uint64_t own = measure_tree(containers.folder(container.id) / "upper").bytes;
      remove_container(owned.store, container, {});
      removed += container.id + "\n";
      bytes += own;
    } catch (const NoSuchContainer&) {
      continue;  // another process has removed it
    } catch (const Error& error) {
      // One that is just being started stays; anything else is told.
      if (!containers.state(container.id).alive())
        failures.insert(failures.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }
  print((removed.empty() ? "" : "Deleted Containers:\n" + removed + "\n") +
        "Total reclaimed space: " + sum_text(bytes) + "\n");
  if (!failures.empty()) throw Error(std::move(failures));
  return 0;
}

}  // namespace

std::function<int()> declare_container_prune(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Removes the containers that do not run, with what they have changed.");
  add_filter_flag(app, request->filters, "until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]",
                  false);
  app.add_flag("-f,--force", request->force, "do not ask");
  app.footer(R"(
Examples:
  slipway container prune
  slipway container prune --force --filter until=24h
  slipway container prune --filter label!=keep

Their volumes stay (see `slipway volume prune`).
)");
  return [request, &globals] { return prune(*request, globals.root); };
}

}  // namespace slipway
