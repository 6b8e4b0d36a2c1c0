// slipway container-hook: what a container's monitor, which is small, has this program do for it.
//
//   slipway container-hook [--root DIR] WORD ID
//
// For monitors only: it is not listed, and promises nothing to people.
#include "../command.hpp"
#include "../owned_store.hpp"

#include <cache/containers/store.hpp>
#include <executor/containers/health.hpp>
#include <executor/containers/network.hpp>
#include <executor/containers/remove.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace slipway {
namespace {

struct Hook {
  std::string_view word;
  // Gives the exit status, which the monitor may look at.
  int (*run)(Store& store, const Container& container);
};

// The container has ended, was started with --rm, and nobody else removes it.
int end(Store& store, const Container& container) {
  RemoveOptions options;
  options.volumes = true;
  remove_container(store, container, options);
  return 0;
}

// The container's network is to lead out: it has begun to send. The monitor gives descriptors for
// it.
int connect(Store& store, const Container& container) {
  constexpr int space = 3;
  constexpr int idle = 4;
  connect_hook(store, container, FileDescriptor(space), FileDescriptor(idle));
  return 0;
}

constexpr Hook hooks[] = {
    {"connect", connect},
    {"end", end},
    // One probe; 0: healthy, 1: unhealthy, 2: it is not known yet.
    {"health", probe_health},
};

int run_hook(const std::string& word, const std::string& id, const std::filesystem::path& root) {
  for (const Hook& hook : hooks) {
    if (hook.word != word) continue;
    OwnedStore owned(root, false);
    const std::optional<Container> container = owned.store.containers().find(id);
    // Somebody has removed it in the meantime: there is nothing left to be done.
    if (!container) return 0;
    return hook.run(owned.store, *container);
  }
  throw Error("slipway container-hook has no word " + quoted(word));
}

}  // namespace

std::function<int()> declare_container_hook(CLI::App& app, const Globals& globals) {
  struct Request {
    std::string word;
    std::string id;
  };
  auto request = std::make_shared<Request>();
  app.description("What the monitors of containers have done for them. Not for people.");
  app.add_option("word", request->word)->required()->type_name("WORD");
  app.add_option("id", request->id, "the container's, whole")->required()->type_name("ID");
  return [request, &globals] { return run_hook(request->word, request->id, globals.root); };
}

}  // namespace slipway
