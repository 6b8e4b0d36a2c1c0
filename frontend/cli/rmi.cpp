// slipway rmi: takes names away, and images that have no other. Docker's rules and lines.
#include "command.hpp"
#include "print.hpp"

#include <cache/containers/store.hpp>
#include <cache/images/facts.hpp>
#include <cache/images/removal.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::vector<std::string> images;
  bool force = false;
  bool no_prune = false;  // docker's flag; slipway has no untagged parents to delete with an image
  std::vector<std::string> platforms;
};

RemovedImages remove(Store& store, const Request& request, const std::string& name) {
  const ImageUsers users = users_among(store.containers());
  if (request.platforms.empty())
    return remove_image(store.images(), store.image_facts(), name, request.force, users);
  std::vector<Platform> platforms;
  for (const std::string& platform : request.platforms)
    platforms.push_back(parse_platform(platform));
  return remove_platforms(store.images(), store.image_facts(), name, platforms, users);
}

int remove_images(const Request& request, const std::filesystem::path& root) {
  if (!request.platforms.empty() && !request.force)
    throw Error("a platform goes from all images that have it").hint("say so with --force");
  Store store(root);
  // As docker: each one is tried, and the failures are told at the end. With --force it is no
  // failure where there is nothing to remove.
  std::vector<Diagnostic> failures;
  bool failed = false;
  for (const std::string& name : request.images) {
    try {
      const RemovedImages removed = remove(store, request, name);
      for (const Reference& each : removed.untagged) print("Untagged: " + each.familiar() + "\n");
      for (const Digest& each : removed.deleted) print("Deleted: " + each.text() + "\n");
    } catch (const NoSuchImage& error) {
      failed = failed || !request.force;
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

std::function<int()> declare_rmi(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Removes names, and images that have no other name. Their layers stay as long as the cache "
      "or other images use them.");
  app.add_option("image", request->images, "names, IDs or beginnings of IDs")
      ->required()
      ->type_name("IMAGE...");
  app.add_flag("-f,--force", request->force,
               "with an ID: also an image that has several names; also one that stopped containers "
               "use; what is not there is no failure");
  app.add_flag("--no-prune", request->no_prune, "accepted as docker's; there are no parents here");
  app.add_option("--platform", request->platforms,
                 "only the images for these platforms, from all that have them; with --force")
      ->type_name("OS/ARCH,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.footer(R"(
Examples:
  slipway rmi app:old                 the name, and the image if that was its last one
  slipway rmi -f 3f2a9c1d             the image with all its names
  slipway rmi -f --platform linux/arm64 app
)");
  return [request, &globals] { return remove_images(*request, globals.root); };
}

}  // namespace slipway
