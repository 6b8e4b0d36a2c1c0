// slipway load: images from an archive.
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"

#include <cache/archive/load.hpp>
#include <cache/registry/pull.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <memory>
#include <string>

namespace slipway {
namespace {

struct Request {
  std::string input = "-";
  std::string platform;
  bool quiet = false;  // docker's flag: there is no progress to leave out
};

int load(const Request& request, const std::filesystem::path& root) {
  if (request.input == "-" && ::isatty(STDIN_FILENO) == 1) {
    throw Error("there is no archive on standard input").hint("slipway load -i FILE");
  }
  const Platform platform =
      request.platform.empty() ? host_platform() : parse_platform(request.platform);
  OwnedStore owned(root);
  Store& store = owned.store;
  PullProgress progress;
  for (const Image& image : load_archive(store, request.input, platform, progress)) {
    for (const Reference& name : image.names) print("Loaded image: " + name.familiar() + "\n");
    if (image.names.empty()) print("Loaded image ID: " + image.id.text() + "\n");
  }
  return 0;
}

}  // namespace

std::function<int()> declare_load(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Reads images from an archive: what `docker save` writes or an OCI layout, as a tar "
      "(compressed or not) or a directory.");
  app.add_option("-i,--input", request->input, "the archive (default: standard input)")
      ->type_name("FILE");
  app.add_option("--platform", request->platform, "the variant to load (default: the host's own)")
      ->type_name("OS/ARCH");
  app.add_flag("-q,--quiet", request->quiet, "accepted as docker's");
  app.footer(R"(
Examples:
  slipway load -i app.tar
  docker save app | slipway load
)");
  return [request, &globals] { return load(*request, globals.root); };
}

}  // namespace slipway
