#include "isolation.hpp"

#include <cache/store.hpp>
#include <executor/chroot/chroot.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <utility>
#include <variant>

namespace slipway {
namespace {

constexpr const char* weaker =
    "warning: this container lets nobody make namespaces or mounts, so RUN steps run by chroot:\n"
    "  they share processes, network and devices with slipway, have no /proc, and are not held by\n"
    "  it; build only Dockerfiles that may do what this container may. --isolation=chroot says "
    "that\n"
    "  this is meant, --isolation=sandbox refuses it\n";

bool has_steps(const Graph& graph) {
  for (std::uint32_t number = 0; number < graph.size(); ++number) {
    if (std::holds_alternative<RunProcess>(graph[VertexId{number}].operation)) return true;
  }
  return false;
}

std::unique_ptr<ProcessRunner> make_chroot(Grants grants, Store& store) {
  ChrootOptions options;
  options.grants = std::move(grants);
  options.fresh_folder = [&store] { return store.state().fresh_work_path(); };
  options.index_of = [&store](const std::filesystem::path& directory) {
    return store.layers().index_at(directory);
  };
  return chroot_runner(std::move(options));
}

}  // namespace

Isolation parse_isolation(const std::string& text) {
  if (text == "auto") return Isolation::automatic;
  if (text == "sandbox") return Isolation::sandbox;
  if (text == "chroot") return Isolation::chroot;
  throw Error("--isolation=" + quoted(text) + " is not known")
      .hint(did_you_mean(text, {"auto", "sandbox", "chroot"}, "auto, sandbox or chroot"));
}

std::unique_ptr<ProcessRunner> make_runner(Isolation isolation, SandboxOptions options,
                                           const UserNamespace& rights, const Graph& graph,
                                           Store& store, bool quiet) {
  if (isolation == Isolation::automatic) {
    const bool falls_back = rights.refused;
    isolation = falls_back ? Isolation::chroot : Isolation::sandbox;
    if (falls_back && !quiet && has_steps(graph)) std::fputs(weaker, stderr);
  }
  if (isolation == Isolation::sandbox) {
    options.ids = rights.ids;
    return sandbox_runner(std::move(options));
  }
  if (options.limits.any()) {
    throw Error(
        "limits of RUN cannot be held with --isolation=chroot, which makes no control groups")
        .hint("leave them out, and limit the container that slipway is in");
  }
  return make_chroot(std::move(options.grants), store);
}

}  // namespace slipway
