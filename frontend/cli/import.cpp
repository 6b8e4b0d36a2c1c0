// slipway import: an image from a root file system's tar.
#include "command.hpp"
#include "config_changes.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "table.hpp"

#include <cache/archive/import.hpp>
#include <cache/layers/beneath.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string file;
  std::string name;
  std::vector<std::string> changes;
  std::optional<std::string> message;
  std::string platform;
};

FileDescriptor open_input(const std::string& file) {
  if (file == "-") {
    if (::isatty(STDIN_FILENO) == 1) {
      throw Error("there is no tar on standard input").hint("slipway import FILE NAME");
    }
    return FileDescriptor(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  }
  if (file.starts_with("http://") || file.starts_with("https://")) {
    throw Error("slipway import does not download: " + quoted(file))
        .hint("curl -L URL | slipway import - NAME");
  }
  FileDescriptor input(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!input) throw system_error("open", file, errno);
  return input;
}

int import(const Request& request, const std::filesystem::path& root) {
  std::optional<Reference> name;
  if (!request.name.empty()) {
    name = parse_reference(request.name);
    if (name->digest) throw Error(quoted(request.name) + " has a digest").hint("give NAME[:TAG]");
  }
  const Platform platform =
      request.platform.empty() ? host_platform() : parse_platform(request.platform);
  ImageConfig none;
  none.platform = platform;
  const ImageConfig config = changed_config(none, request.changes);
  const std::string created = time_text(creation_time());
  DescriptorSource tar(open_input(request.file));
  OwnedStore owned(root);
  Store& store = owned.store;
  const Image image = import_rootfs(
      store, tar, config, request.message.value_or("Imported from " + request.file), created);
  if (name) store.images().tag(*name, image.id);
  print(image.id.text() + "\n");
  return 0;
}

}  // namespace

std::function<int()> declare_import(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Makes an image of one layer from the tar of a root file system, compressed or not.");
  app.add_option("file", request->file, "the tar; -: standard input")
      ->required()
      ->type_name("FILE|-");
  app.add_option("name", request->name, "a name for the image")->type_name("NAME[:TAG]");
  app.add_option("-c,--change", request->changes, "an instruction for the image's config")
      ->type_name("INSTRUCTION")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("-m,--message", request->message, "what the image's history says")
      ->type_name("TEXT");
  app.add_option("--platform", request->platform, "what the files are for (default: the host)")
      ->type_name("OS/ARCH");
  app.footer(R"(
Examples:
  slipway import rootfs.tar.gz debian:bookworm
  mmdebstrap --variant=minbase bookworm | slipway import -c 'CMD ["bash"]' - debian:bookworm

With SOURCE_DATE_EPOCH set, the same tar gives the same image.
)");
  return [request, &globals] { return import(*request, globals.root); };
}

}  // namespace slipway
