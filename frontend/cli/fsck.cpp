// slipway fsck: is the store sound?
#include "command.hpp"

#include <cache/fsck.hpp>
#include <cache/state_directory.hpp>
#include <executor/user_namespace.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>

namespace slipway {
namespace {

int fsck(bool dry_run, const std::filesystem::path& root) {
  enter_user_namespace();
  StateDirectory(root).claim(id_maps(), overlay_marks());
  const StoreCheck check = check_store(root, !dry_run);
  for (const std::string& problem : check.problems) std::printf("%s\n", problem.c_str());
  std::printf(
      "%zu layers, %zu blobs, %zu images, %zu records, %zu containers, %zu volumes; %.1f MB read: ",
      check.layers, check.blobs, check.images, check.records, check.containers, check.volumes,
      static_cast<double>(check.bytes) / 1e6);
  if (check.problems.empty()) {
    std::printf("all is sound\n");
    return 0;
  }
  std::printf("%zu %s, %s\n", check.problems.size(),
              check.problems.size() == 1 ? "problem" : "problems",
              dry_run ? "nothing was changed" : "and what was damaged is removed");
  return 1;
}

}  // namespace

std::function<int()> declare_fsck(CLI::App& app, const Globals& globals) {
  auto dry_run = std::make_shared<bool>(false);
  app.description(
      "Verifies all that the store holds: layers, blobs, images, records, containers, volumes. "
      "What "
      "is damaged is removed, so that the next build or pull makes it again; containers and "
      "volumes "
      "that have lost something are named, and stay. Exits with 1 if anything was wrong.");
  app.add_flag("-n,--dry-run", *dry_run, "only say what is wrong");
  app.footer(R"(
Examples:
  slipway fsck -n      say what is damaged
  slipway fsck         and remove it
)");
  return [dry_run, &globals] { return fsck(*dry_run, globals.root); };
}

}  // namespace slipway
