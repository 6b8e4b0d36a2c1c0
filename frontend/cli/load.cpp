// slipway load: images from an archive.
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"

#include <cache/archive/load.hpp>
#include <cache/registry/pull.hpp>
#include <ir/error.hpp>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string input = "-";
  std::vector<std::string> platforms;
  bool quiet = false;  // docker's flag: there is no progress to leave out
};

int load(const Request& request, const std::filesystem::path& root) {
  if (request.input == "-" && ::isatty(STDIN_FILENO) == 1) {
    throw Error("there is no archive on standard input").hint("slipway load -i FILE");
  }
  std::vector<Platform> platforms;
  for (const std::string& text : request.platforms) platforms.push_back(parse_platform(text));
  OwnedStore owned(root);
  PullProgress progress;
  for (const LoadedImage& image : load_archive(owned.store, request.input, platforms, progress)) {
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
  app.add_option("--platform", request->platforms,
                 "of images of several platforms these alone (default: all that the archive has)")
      ->type_name("OS/ARCH[,...]")
      ->delimiter(',');
  app.add_flag("-q,--quiet", request->quiet, "accepted as docker's");
  app.footer(R"(
Examples:
  slipway load -i app.tar
  docker save app | slipway load
)");
  return [request, &globals] { return load(*request, globals.root); };
}

}  // namespace slipway
