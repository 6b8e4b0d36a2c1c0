// slipway: finds the command, has it parse its flags, runs it, and shows what went wrong.
#include "command.hpp"

#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

bool use_color() {
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(STDERR_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

namespace {

// As docker: the command line itself was wrong.
constexpr int usage_status = 125;

constexpr std::string_view usage = R"(Usage: slipway [--root DIR] COMMAND ...

slipway builds images from Dockerfiles, without a daemon, and says what its cache did and why.

Commands:
)";

constexpr std::string_view epilogue = R"(
Options:
  --root DIR    where images, layers and the cache are kept
                (default: $SLIPWAY_ROOT, else /var/lib/slipway for root and
                $XDG_DATA_HOME/slipway for others)
  --version     print the version
  -h, --help    print this, or with a command what it takes

A first build:
  slipway build -t hello DIRECTORY
)";

std::string help() {
  std::string text(usage);
  for (const Command& command : commands()) {
    std::string name(command.name);
    name.resize(12, ' ');
    text += "  " + name + std::string(command.summary) + "\n";
  }
  return text + std::string(epilogue);
}

Error unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.emplace_back(command.name);
  const std::string near = nearest(name, names);
  return Error("slipway has no command " + quoted(name))
      .hint(near.empty() ? "slipway --help lists them" : "did you mean " + quoted(near) + "?");
}

int run_command(const Command& command, Globals globals, std::vector<std::string> arguments) {
  CLI::App app{std::string(command.summary), "slipway " + std::string(command.name)};
  app.option_defaults()->always_capture_default(false);
  app.add_option("--root", globals.root, "where images, layers and the cache are kept")
      ->group("");
  std::function<int()> run = command.declare(app, globals);
  // CLI11 wants them last to first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    std::fputs(render(Error(error.what())
                          .hint("slipway " + std::string(command.name) + " --help"),
                      use_color())
                   .c_str(),
               stderr);
    return usage_status;
  }
  return run();
}

int run_program(const std::vector<std::string>& arguments) {
  Globals globals;
  std::size_t next = 0;
  for (; next < arguments.size() && arguments[next].starts_with('-'); ++next) {
    const std::string& argument = arguments[next];
    if (argument == "-h" || argument == "--help") {
      std::fputs(help().c_str(), stdout);
      return 0;
    }
    if (argument == "--version" || argument == "-v") {
      std::puts("slipway " SLIPWAY_VERSION);
      return 0;
    }
    if (argument == "--root" && next + 1 < arguments.size()) {
      globals.root = arguments[++next];
    } else if (argument.starts_with("--root=")) {
      globals.root = argument.substr(7);
    } else {
      std::fputs(render(Error("slipway does not know " + quoted(argument) + " before a command")
                            .hint("slipway --help"),
                        use_color())
                     .c_str(),
                 stderr);
      return usage_status;
    }
  }
  if (next == arguments.size()) {
    std::fputs(help().c_str(), stderr);
    return usage_status;
  }
  if (arguments[next] == "help") {
    std::fputs(help().c_str(), stdout);
    return 0;
  }
  if (globals.root.empty()) globals.root = StateDirectory::default_root();
  for (const Command& command : commands()) {
    if (command.name != arguments[next]) continue;
    return run_command(command, globals,
                       {arguments.begin() + static_cast<std::ptrdiff_t>(next) + 1,
                        arguments.end()});
  }
  std::fputs(render(unknown_command(arguments[next]), use_color()).c_str(), stderr);
  return usage_status;
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
  try {
    const int status = slipway::run_program({argv + 1, argv + argc});
    // Results that could not be written are a failure: a full disk, a closed pipe.
    if (std::fflush(stdout) != 0) {
      throw slipway::system_error("write", "standard output", errno);
    }
    return status;
  } catch (const slipway::Error& error) {
    std::fputs(slipway::render(error, slipway::use_color()).c_str(), stderr);
  } catch (const std::exception& error) {
    std::fputs(slipway::render(slipway::Error(error.what()), slipway::use_color()).c_str(),
               stderr);
  }
  return 1;
}
