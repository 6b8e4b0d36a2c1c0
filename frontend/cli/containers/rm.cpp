// slipway rm: removes containers, as `docker rm`.
#include "../command.hpp"
#include "../owned_store.hpp"
#include "../print.hpp"

#include <cache/containers/store.hpp>
#include <executor/containers/remove.hpp>
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
  RemoveOptions options;
};

int remove(const Request& request, const std::filesystem::path& root) {
  OwnedStore owned(root, false);
  Store& store = owned.store;
  // As docker: each one is tried, and the failures are told at the end. With --force it is no
  // failure where there is nothing to remove.
  std::vector<Diagnostic> failures;
  bool failed = false;
  for (const std::string& name : request.names) {
    try {
      remove_container(store, store.containers().get(name), request.options);
      print(name + "\n");
    } catch (const NoSuchContainer& error) {
      failed = failed || !request.options.force;
      failures.insert(failures.end(), error.diagnostics().begin(), error.diagnostics().end());
    } catch (const Error& error) {
      failed = true;
      failures.insert(failures.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }
  if (failures.empty()) return 0;
  std::fflush(stdout);
  const Error all(std::move(failures));
  if (failed) throw all;
  std::fputs(render(all, use_color()).c_str(), stderr);
  return 0;
}

}  // namespace

std::function<int()> declare_rm(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Removes containers that do not run, with what they have changed.");
  app.add_option("container", request->names, "names, IDs or beginnings of IDs")
      ->required()
      ->type_name("CONTAINER...");
  app.add_flag("-f,--force", request->options.force,
               "also those that run: they are killed; what is not there is no failure");
  app.add_flag("-v,--volumes", request->options.volumes,
               "with the volumes without a name that no other container has");
  app.footer(R"(
Examples:
  slipway rm web
  slipway rm -fv web
  slipway rm $(slipway ps -aq --filter status=exited)
)");
  return [request, &globals] { return remove(*request, globals.root); };
}

}  // namespace slipway
