// slipway pull: an image from a registry.
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "pull_shown.hpp"

#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string image;
  std::string platform;
  bool all_tags = false;
  bool quiet = false;
};

int pull_image(const Request& request, const std::filesystem::path& root) {
  const Reference name = parse_reference(request.image);
  const bool alone = !name.digest && !request.image.ends_with(":" + name.tag);
  if (request.all_tags && !alone)
    throw Error("--all-tags takes a name without a tag or digest, not " + quoted(request.image));
  const Platform platform =
      request.platform.empty() ? host_platform() : parse_platform(request.platform);
  OwnedStore owned(root);
  PullShown shown(request.quiet);
  std::vector<Reference> names{name};
  if (request.all_tags) {
    names = tagged_names(name);
  } else if (alone) {
    shown.say("Using default tag: latest");
  }
  bool newer = false;
  for (const Reference& each : names) newer = shown.pull(owned.store, each, platform) || newer;
  std::string familiar = name.familiar();
  std::string whole = name.text();
  if (request.all_tags) {
    familiar.resize(familiar.rfind(':'));
    whole.resize(whole.rfind(':'));
  }
  shown.end(newer, familiar);
  print(whole + "\n");
  return 0;
}

}  // namespace

std::function<int()> declare_pull(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Gets an image from a registry. Layers that are in the store are not downloaded; the others "
      "are verified and unpacked while they are. A pull that was interrupted goes on where it was. "
      "Logins are those of docker (~/.docker/config.json).");
  app.add_option("image", request->image, "the image's name")
      ->required()
      ->type_name("NAME[:TAG|@DIGEST]");
  app.add_option("--platform", request->platform, "the variant to get (default: the host's own)")
      ->type_name("OS/ARCH");
  app.add_flag("-a,--all-tags", request->all_tags, "get all that the repository has a tag for");
  app.add_flag("-q,--quiet", request->quiet, "print nothing but the image's whole name");
  app.footer(R"(
Examples:
  slipway pull debian:bookworm
  slipway pull --platform linux/arm64 debian:bookworm
  slipway pull localhost:5000/team/app:1.2
  slipway pull --all-tags localhost:5000/team/app
)");
  return [request, &globals] { return pull_image(*request, globals.root); };
}

}  // namespace slipway
