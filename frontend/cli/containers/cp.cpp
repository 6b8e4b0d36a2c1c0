// slipway cp: files between a container and this machine.
#include "../command.hpp"
#include "../owned_store.hpp"
#include "../table.hpp"

#include <cache/layers/beneath.hpp>
#include <cache/store.hpp>
#include <executor/containers/copy.hpp>
#include <executor/containers/join.hpp>
#include <executor/export/output_file.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

namespace slipway {
namespace {

struct Request {
  std::string source;
  std::string destination;
  bool archive = false;
  bool follow = false;
  bool quiet = false;
};

// docker's: "./a:b" and "/a:b" are paths of this machine.
std::pair<std::string, std::string> split(const std::string& text) {
  const auto colon = text.find(':');
  if (text.starts_with('/') || text.starts_with('.') || colon == std::string::npos || colon == 0)
    return {"", text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

void tell(const CopiedFiles& copied, const Request& request) {
  for (const std::string& path : copied.left_out)
    std::fprintf(stderr, "warning: %s is a device, and was left out\n", printable(path).c_str());
  // As docker: a person sees it, a script does not.
  if (request.quiet || request.destination == "-" || ::isatty(STDOUT_FILENO) != 1) return;
  std::fprintf(stderr, "Successfully copied %s to %s\n", size_text(copied.bytes).c_str(),
               printable(request.destination).c_str());
}

int copy(const Request& request, const std::filesystem::path& root) {
  const auto [from, source] = split(request.source);
  const auto [to, destination] = split(request.destination);
  if (!from.empty() && !to.empty())
    throw Error("files are not copied from a container to a container")
        .hint("copy them to this machine, and from there");
  if (from.empty() && to.empty())
    throw Error("neither path is one of a container").hint("that is CONTAINER:PATH");
  if (source.empty() || destination.empty())
    throw Error("a path is empty").hint("the root of a container is CONTAINER:/");
  const std::string& name = from.empty() ? to : from;
  const bool stream = from.empty() && source == "-";
  if (stream && ::isatty(STDIN_FILENO) == 1)
    throw Error("there is no tar on standard input")
        .hint("tar -c DIRECTORY | slipway cp - CONTAINER:PATH");

  enter_containers_user_namespace(root, name);
  OwnedStore owned(root);
  const Container container = owned.store.containers().get(name);
  // A tar may come from the container itself, which must go on then.
  const auto tree = open_container_tree(owned.store, container, !stream);
  const CopyRequest wanted{source, destination, request.archive, request.follow, container.name};
  if (stream) {
    DescriptorSource tar(FileDescriptor(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)));
    tell(copy_in(*tree, wanted, tar), request);
  } else if (from.empty()) {
    tell(copy_in(*tree, wanted), request);
  } else if (destination == "-") {
    OutputFile file("-");
    copy_out(*tree, wanted, [&file](std::span<const std::byte> bytes) { file.write(bytes); });
    file.finish();
  } else {
    tell(copy_out(*tree, wanted), request);
  }
  return 0;
}

}  // namespace

std::function<int()> declare_cp(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Copies files between a container, running or not, and this machine. One of the two paths "
      "is\n"
      "CONTAINER:PATH; the other one may be -, for a tar on standard input or output.\n"
      "A container that runs stands still meanwhile, unless a tar comes from standard input.");
  app.add_option("source", request->source, "what is copied; DIRECTORY/. is what is in it")
      ->required()
      ->type_name("SOURCE");
  app.add_option("destination", request->destination, "a directory that exists, or a new name")
      ->required()
      ->type_name("DESTINATION");
  app.add_flag("-a,--archive", request->archive,
               "keep owners; else the container's root owns what goes in, and you what comes out");
  app.add_flag("-L,--follow-link", request->follow, "of a source that is a link, what it leads to");
  app.add_flag("-q,--quiet", request->quiet, "do not tell how much it was");
  app.footer(R"(
Examples:
  slipway cp app.conf box:/etc/app/
  slipway cp box:/var/log/. logs
  slipway cp box:/srv - | tar -t
)");
  return [request, &globals] { return copy(*request, globals.root); };
}

}  // namespace slipway
