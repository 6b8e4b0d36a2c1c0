// slipway exec: another program in a container that runs, as `docker exec` runs it.
#include "../command.hpp"
#include "../owned_store.hpp"
#include "attached.hpp"
#include "detach_keys.hpp"
#include "environment_flags.hpp"
#include "joined_client.hpp"

#include <cache/containers/store.hpp>
#include <executor/containers/join.hpp>
#include <executor/containers/start.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// docker's, of what is wrong with the flags. Too few words end with 1, as there.
constexpr int usage_status = 125;

struct Request {
  bool detach = false;
  std::string detach_keys;
  std::vector<std::string> environment;
  std::vector<std::string> environment_files;
  bool interactive = false;
  bool terminal = false;
  bool privileged = false;
  std::string user;
  std::string working_directory;
};

struct Asked {
  ExecRequest request;
  std::string detach_keys;
};

// Throws Error for what is wrong with a flag.
Asked asked_of(const Request& flags) {
  Asked asked;
  asked.detach_keys = parse_detach_keys(flags.detach_keys);
  ExecRequest& request = asked.request;
  request.environment = parse_environment(flags.environment_files, flags.environment);
  request.user = flags.user;
  request.working_directory = flags.working_directory;
  if (!request.working_directory.empty() && !request.working_directory.starts_with('/'))
    throw Error("--workdir " + quoted(request.working_directory) + " is no absolute path");
  request.privileged = flags.privileged;
  return asked;
}

int run(const Request& flags, Asked asked, const std::vector<std::string>& words,
        const std::filesystem::path& root) {
  JoinedOptions options;
  options.input = flags.interactive && !flags.detach;
  options.terminal = flags.terminal;
  options.detach_keys = std::move(asked.detach_keys);
  if (!flags.detach) require_terminal(flags.terminal, flags.interactive);
  ExecRequest& request = asked.request;
  request.arguments.assign(words.begin() + 1, words.end());

  enter_containers_user_namespace(root, words.front());
  OwnedStore owned(root, false);
  const Container container = owned.store.containers().get(words.front());
  if (flags.detach) {
    request.terminal = flags.terminal;
    join_container(owned.store, container, request)->let_go();
    return 0;
  }
  JoinedClient client(std::move(options));
  client.add_streams(request);
  const std::unique_ptr<JoinedProcess> process = join_container(owned.store, container, request);
  return client.follow(*process);
}

std::vector<std::string> words_of(const CLI::App& app) {
  std::vector<std::string> words = app.remaining();
  if (!words.empty() && words.front() == "--") words.erase(words.begin());
  if (words.size() > 1 && words[1] == "--") words.erase(words.begin() + 1);
  if (!words.empty() && words.front().size() > 1 && words.front().front() == '-') {
    std::vector<std::string> known;
    for (const CLI::Option* option : app.get_options())
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    throw Error("slipway exec has no flag " + quoted(words.front()))
        .hint(did_you_mean(words.front().substr(0, words.front().find('=')), known,
                           "slipway exec --help"));
  }
  return words;
}

}  // namespace

std::function<int()> declare_exec(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Runs a command in a container that runs, with its rights and limits: slipway exec [OPTIONS] "
      "CONTAINER COMMAND [ARGUMENT...]");
  app.prefix_command();
  app.add_flag("-d,--detach", request->detach, "let it run by itself");
  app.add_option("--detach-keys", request->detach_keys,
                 "what leaves its terminal (default: ctrl-p,ctrl-q)")
      ->type_name("KEYS");
  const auto several = [&app](const std::string& name, std::vector<std::string>& values,
                              const std::string& what, const std::string& type) {
    app.add_option(name, values, what)
        ->type_name(type)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  several("-e,--env", request->environment, "a variable; NAME alone: with its value here",
          "NAME[=VALUE]");
  several("--env-file", request->environment_files, "variables, one a line; # begins a comment",
          "FILE");
  app.add_flag("-i,--interactive", request->interactive, "pass standard input on");
  app.add_flag("-t,--tty", request->terminal, "give it a terminal");
  app.add_flag("--privileged", request->privileged, "give it all rights over the container");
  app.add_option("-u,--user", request->user, "its user, and its group")->type_name("USER[:GROUP]");
  app.add_option("-w,--workdir", request->working_directory, "its working directory")
      ->type_name("DIRECTORY");
  app.footer(R"(
Examples:
  slipway exec web ls /srv
  slipway exec -it web sh                       a shell; Ctrl-P Ctrl-Q leaves it running
  slipway exec -u 1000:1000 -w /srv web make    another user, another directory
  echo 'select 1' | slipway exec -i db psql

The exit status is the command's; 126 says that it cannot be executed, 127 that there is none. It ends
with this command, unless it was detached or left.
)");
  return [request, &app, &globals]() -> int {
    std::vector<std::string> words;
    Asked asked;
    try {
      words = words_of(app);
      asked = asked_of(*request);
    } catch (const Error& error) {
      std::fputs(render(error, use_color()).c_str(), stderr);
      return usage_status;
    }
    if (words.size() < 2)
      throw Error("slipway exec needs a container and a command").hint("slipway exec --help");
    try {
      return run(*request, std::move(asked), words, globals.root);
    } catch (const NotStarted& error) {
      std::fputs(render(error, use_color()).c_str(), stderr);
      return error.status();
    }
  };
}

}  // namespace slipway
