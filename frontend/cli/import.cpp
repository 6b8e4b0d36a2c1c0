// slipway import: an image from a root file system's tar.
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "table.hpp"

#include <cache/archive/import.hpp>
#include <cache/layers/beneath.hpp>
#include <frontend/parse.hpp>
#include <ir/error.hpp>
#include <ir/lower.hpp>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
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

// What an image's config can take from an instruction. The others would need a build.
bool is_change(const Instruction& instruction) {
  return std::visit(
      []<class Kind>(const Kind&) {
        return std::is_same_v<Kind, Cmd> || std::is_same_v<Kind, Entrypoint> ||
               std::is_same_v<Kind, Env> || std::is_same_v<Kind, Expose> ||
               std::is_same_v<Kind, Healthcheck> || std::is_same_v<Kind, Label> ||
               std::is_same_v<Kind, Onbuild> || std::is_same_v<Kind, StopSignal> ||
               std::is_same_v<Kind, User> || std::is_same_v<Kind, Volume> ||
               std::is_same_v<Kind, Workdir>;
      },
      instruction.kind);
}

// The config that instructions give to an image that has none, as a Dockerfile's would.
ImageConfig config_from(const std::vector<std::string>& changes, const Platform& platform) {
  auto source = std::make_shared<SourceFile>();
  source->name = "--change";
  source->text = "FROM rootfs\n";
  for (const std::string& change : changes) source->text += change + "\n";
  const ParsedDockerfile parsed = parse_dockerfile(source);
  if (parsed.dockerfile.stages.size() != 1) {
    throw Error("--change takes no FROM").hint("it changes the one image that is imported");
  }
  for (const Instruction& instruction : parsed.dockerfile.stages.front().instructions) {
    if (is_change(instruction)) continue;
    throw Error("--change cannot do this")
        .at(instruction.span)
        .hint("CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, "
              "VOLUME and WORKDIR can be given");
  }
  LowerOptions options;
  options.build_platform = host_platform();
  options.target_platform = platform;
  ImageConfig config = lower(parsed.dockerfile, options, [](const ImageRequest& wanted) {
                         ResolvedImage image;
                         image.reference = wanted.reference;
                         image.config.platform = wanted.platform;
                         return image;
                       }).config;
  config.platform = platform;
  return config;
}

ImageConfig changed_config(const std::vector<std::string>& changes, const Platform& platform) {
  ImageConfig config = config_from(changes, platform);
  // A build gives an image a PATH if it has none; `docker import` does not.
  for (const std::string& added : config_from({}, platform).env) std::erase(config.env, added);
  return config;
}

// $SOURCE_DATE_EPOCH (reproducible-builds.org), else now.
std::int64_t creation_time() {
  const char* const text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr || *text == '\0') return std::time(nullptr);
  const std::string_view digits(text);
  std::int64_t time = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), time);
  if (error != std::errc() || end != digits.data() + digits.size() || time < 0) {
    throw Error("SOURCE_DATE_EPOCH=" + quoted(digits) + " is no number of seconds");
  }
  return time;
}

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
  const ImageConfig config = changed_config(request.changes, platform);
  const std::string created = time_text(creation_time());
  DescriptorSource tar(open_input(request.file));
  OwnedStore owned(root);
  Store& store = owned.store;
  const Image image = import_rootfs(store, tar, config,
                                    request.message.value_or("Imported from " + request.file),
                                    created);
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
