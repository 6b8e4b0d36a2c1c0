#include "build_failure.hpp"

#include <executor/sandbox/user_terminal.hpp>
#include <ir/nearest.hpp>
#include <ir/printable.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

constexpr const char* standard_shell = "/bin/sh";

void say(const std::string& text) {
  std::fputs((text + "\n").c_str(), stderr);
}

// "[build 2/5]", behind which a command of any length follows: the error has shown it already.
std::string place_of(const FailedStep& step) {
  const std::string& name = step.vertex().name;
  const std::size_t end = name.starts_with('[') ? name.find(']') : std::string::npos;
  return printable(name.substr(0, end == std::string::npos ? end : end + 1));
}

// As docker gives it to a container with a terminal.
std::vector<std::string> terminal_environment(const RunProcess& run) {
  for (const std::string& variable : run.environment) {
    if (variable.starts_with("TERM=")) return {};
  }
  const char* const kind = std::getenv("TERM");
  return {std::string("TERM=") + (kind == nullptr || *kind == '\0' ? "xterm" : kind)};
}

// SHELL's program, or the one that every image with a shell has.
std::unique_ptr<RunningProcess> start_shell(FailedStep& step, UserTerminal& terminal) {
  const auto& run = std::get<RunProcess>(step.vertex().operation);
  const auto start = [&](const std::string& shell) {
    return step.start({shell}, terminal_environment(run), terminal.size(), say,
                      [&terminal](RunResult) { terminal.process_ended(); });
  };
  const std::string& own = run.unkeyed.shell;
  if (!own.empty() && own != standard_shell) {
    try {
      return start(own);
    } catch (const Error& error) {
      say("note: " + printable(error.what()) + "; taking " + standard_shell);
    }
  }
  return start(standard_shell);
}

void open_shell(FailedStep& step, bool quiet) {
  UserTerminal terminal;
  std::unique_ptr<RunningProcess> shell;
  try {
    shell = start_shell(step, terminal);
  } catch (const Error& error) {
    say("note: there is no shell to open in the failed step: " + printable(error.what()));
    return;
  }
  if (!quiet) {
    say("a shell in what " + place_of(step) +
        " left; exit or Ctrl-D leaves it, and the build has failed all the same");
  }
  terminal.lend(*shell, [&step] { return step.cancelled(); });
}

}  // namespace

OnFailure parse_on_failure(const BuildRequest& request) {
  OnFailure asked;
  if (request.on_failure == "shell") {
    asked.shell = true;
  } else if (!request.on_failure.empty()) {
    throw Error("--on-failure=" + quoted(request.on_failure) + " is not known")
        .hint(did_you_mean(request.on_failure, {"shell"}, "--on-failure=shell"));
  }
  for (const std::string& text : request.outputs_on_failure) {
    asked.outputs.push_back(parse_export(text, "--output-on-failure"));
    const auto kind = asked.outputs.back().kind;
    if (kind == ExportSpec::Kind::local || kind == ExportSpec::Kind::tar) continue;
    throw Error("--output-on-failure " + quoted(text) + " is an image, and a failed step has none")
        .hint("type=local,dest=DIRECTORY or type=tar,dest=FILE");
  }
  if (asked.shell && !UserTerminal::is_there()) {
    throw Error("--on-failure=shell needs a terminal, and standard input is none")
        .hint("--output-on-failure DIRECTORY takes the failed step's files out without one");
  }
  return asked;
}

std::string failure_hint(const OnFailure& asked) {
  if (asked.shell || !asked.outputs.empty()) return {};
  return "--on-failure=shell opens a shell in what the step left, --output-on-failure DIRECTORY "
         "takes its files out";
}

void show_failure(FailedStep& step, const OnFailure& asked, bool quiet) {
  if (!asked.outputs.empty()) {
    const StackView files = step.files();
    for (const ExportSpec& output : asked.outputs) {
      export_files(output, files);
      if (!quiet && output.destination != "-") {
        say("the files of " + place_of(step) + " as it failed: " + printable(output.destination));
      }
    }
  }
  if (asked.shell) open_shell(step, quiet);
}

}  // namespace slipway
