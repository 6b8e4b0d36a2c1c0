// slipway run: a container made and started, and most often stayed with.
#include "../command.hpp"
#include "../owned_store.hpp"
#include "built_image.hpp"
#include "cidfile.hpp"
#include "container_image.hpp"
#include "container_request.hpp"
#include "detach_keys.hpp"
#include "started.hpp"

#include <cache/file_descriptor.hpp>
#include <executor/containers/remove.hpp>
#include <executor/containers/start.hpp>
#include <ir/error.hpp>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace slipway {
namespace {

// docker's: slipway's own failure, and none of the program's.
constexpr int own_failure = 125;

struct Request {
  ContainerFlags flags;
  RunBuild build;
  bool detach = false;
  bool pass_signals = true;
  std::string detach_keys;
};

void note(const Diagnostic& diagnostic) {
  std::fputs(render(diagnostic, "warning", use_color()).c_str(), stderr);
}

// With --rm a container that could not be started is not left behind either.
void forget(Store& store, const Container& container) {
  RemoveOptions options;
  options.volumes = true;
  try {
    remove_container(store, container, options);
  } catch (const Error& error) {
    note(error.diagnostics().front());
  }
}

// At once, and not by main() at the end: a failure has this command's status.
void print_id(const Container& container) {
  write_all(STDOUT_FILENO, container.id + "\n", "standard output");
}

int run(const Request& request, const Globals& globals) {
  CreateRequest asked = create_request(request.flags, std::filesystem::current_path());
  ContainerConfig& config = asked.container.config;
  const std::string keys = parse_detach_keys(request.detach_keys);
  if (request.detach) {
    if (!request.flags.attach.empty())
      throw Error("--attach and --detach cannot be given together");
    config.attach_input = config.attach_output = config.attach_error = false;
  }
  require_terminal(config.terminal, config.attach_input);
  CidFile cidfile(asked.cidfile);
  if (!request.build.context.empty()) {
    int status = 0;
    asked.image = built_image(request.build, globals, status);
    if (status != 0 || asked.image.empty()) return status == 0 ? own_failure : status;
  }

  OwnedStore owned(globals.root);
  const Image image = container_image(owned.store, asked);
  const Container container =
      create_container(owned.store, image, asked.image, asked.container, note);
  cidfile.write(container.id);
  const AttachedStreams streams{config.attach_input, config.attach_output, config.attach_error};
  try {
    if (!streams.input && !streams.output && !streams.error) {
      start_detached(owned, container);
      print_id(container);
      return 0;
    }
    // With its input alone the container is told of as one that runs by itself.
    if (!streams.output && !streams.error) print_id(container);
    StayOptions stay{streams, request.pass_signals, keys, config.auto_remove};
    return start_attached(owned, container, stay);
  } catch (const NotStarted&) {
    if (config.auto_remove) forget(owned.store, container);
    throw;
  }
}

int run_or_say(const CLI::App& app, Request& request, const Globals& globals) {
  try {
    take_words(app, request.flags, !request.build.context.empty());
    return run(request, globals);
  } catch (const NotStarted& error) {
    std::fputs(render(error, use_color()).c_str(), stderr);
    return error.status();
  } catch (const Error& error) {
    std::fputs(render(error, use_color()).c_str(), stderr);
    return own_failure;
  }
}

constexpr const char* footer = R"(
Examples:
  slipway run --rm debian:bookworm cat /etc/os-release
  slipway run -it --rm debian:bookworm            a shell; Ctrl-P Ctrl-Q leaves it running
  slipway run -d --name web -p 8080:80 nginx      in the background; `slipway logs -f web` shows it
  slipway run --rm -v .:/src -w /src gcc make     the files of this directory
  slipway run -d -v data:/var/lib/db db           a named volume, which outlives the container
  echo 2+3 | slipway run -i --rm busybox bc
  slipway run --rm --read-only --tmpfs /tmp --network none --memory 64m app
  slipway run --rm --build .                      build the Dockerfile here, run what it gives
  slipway run --rm --build . -f dev.Dockerfile make test

Flags stand before the image: what stands behind it is the program's. The exit status is the
program's; 125 says that slipway failed, 126 that the program cannot be executed, 127 that there is
none, 128 and more that signal N - 128 ended it.
)";

}  // namespace

std::function<int()> declare_run(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Makes a container from an image, and starts it. IMAGE is a name or an ID; one that is not "
      "here is "
      "pulled. COMMAND takes the place of the image's CMD.");
  app.add_flag("-d,--detach", request->detach, "let it run by itself, and print its ID");
  app.add_flag("--sig-proxy", request->pass_signals,
               "pass signals on to it (the default; --sig-proxy=false: they end slipway alone)");
  app.add_option("--detach-keys", request->detach_keys,
                 "what leaves its terminal (default: ctrl-p,ctrl-q)")
      ->type_name("KEYS");
  app.add_option("--build", request->build.context,
                 "build this directory, URL or tar and run what it gives; no IMAGE is named then")
      ->type_name("CONTEXT");
  app.add_option("-f,--file", request->build.file, "its Dockerfile")->type_name("FILE");
  app.add_option("--target", request->build.target, "the stage of it")->type_name("STAGE");
  app.add_option("--build-arg", request->build.arguments, "a value for an ARG of it")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  declare_container_flags(app, request->flags);
  app.footer(footer);
  return [request, &app, &globals] {
    request->build.quiet = request->flags.quiet;
    return run_or_say(app, *request, globals);
  };
}

}  // namespace slipway
