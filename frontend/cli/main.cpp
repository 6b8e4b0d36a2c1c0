// slipway: finds the command, has it parse its flags, runs it, and shows what went wrong.
#include "command.hpp"
#include "short_flags.hpp"
#include "table.hpp"

#include <cache/state_directory.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/printable.hpp>

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

bool use_color() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
  return ::isatty(STDERR_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

namespace {

// As docker: the command line itself was wrong.
constexpr int usage_status = 125;
constexpr int failure_status = 1;

constexpr std::string_view usage = R"(Usage: slipway [OPTIONS] COMMAND ...

slipway builds images from Dockerfiles and says what its cache did and why; it runs containers from
them. There is no daemon.

)";

constexpr std::string_view epilogue = R"(
Options:
  --root DIR    where images, layers and the cache are kept
                (default: $SLIPWAY_ROOT, else /var/lib/slipway for root and
                $XDG_DATA_HOME/slipway for others)
  -D, --debug   say more about what is done
  --version     print the version
  -h, --help    print this, or with a command what it takes

A first build:
  slipway build -t hello DIRECTORY

A first container:
  slipway run -it --rm hello
)";

std::string list_of(std::span<const Subcommand> list) {
  std::string text = "Commands:\n";
  for (const Subcommand& command : list) {
    if (command.summary.empty()) continue;
    std::string name(command.name);
    name.resize(14, ' ');
    text += "  " + name + std::string(command.summary) + "\n";
  }
  return text;
}

std::string help() {
  return std::string(usage) + list_of(commands()) + std::string(epilogue);
}

std::string group_help(const Subcommand& group) {
  const std::string called = "slipway " + std::string(group.name);
  return "Usage: " + called + " COMMAND ...\n\n" + list_of(group.group()) + "\n" + called +
         " COMMAND --help says what one takes.\n";
}

// `called` is what stands before the name: "slipway", "slipway image".
Error unknown_command(const std::string& called, std::span<const Subcommand> list,
                      const std::string& name) {
  std::vector<std::string> names;
  for (const Subcommand& command : list) names.emplace_back(command.name);
  return Error(called + " has no command " + quoted(name))
      .hint(did_you_mean(name, names, called + " --help lists them"));
}

// CLI11's errors in our own words where it knows less than we do. As docker, a flag that is wrong
// ends with another status than arguments that are too few or too many.
int refuse(const CLI::App& app, const CLI::ParseError& error, std::string_view command) {
  // With the subcommand, which has a help of its own.
  std::string called = "slipway " + std::string(command);
  for (const CLI::App* sub : app.get_subcommands()) called += " " + sub->get_name();
  const std::string help = called + " --help";
  const auto show = [](const Error& shown) {
    std::fputs(render(shown, use_color()).c_str(), stderr);
  };
  const std::vector<std::string> extra = app.remaining(true);
  // Of all its subcommands none was named.
  if (const auto known = app.get_subcommands({}); !known.empty() && app.get_subcommands().empty()) {
    std::vector<std::string> names;
    for (const CLI::App* sub : known) names.push_back(sub->get_name());
    const bool named = !extra.empty() && !extra.front().starts_with('-');
    show(named ? Error(called + " has no subcommand " + quoted(extra.front()))
                     .hint(did_you_mean(extra.front(), names, help))
               : Error(called + " needs a subcommand").hint(help));
    return failure_status;
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !extra.empty()) {
    const auto flag = std::find_if(extra.begin(), extra.end(), [](const std::string& argument) {
      return argument.size() > 1 && argument.front() == '-';
    });
    if (flag == extra.end()) {
      show(Error(called + " has no use for the argument " + quoted(extra.front())).hint(help));
      return failure_status;
    }
    std::vector<std::string> flags;
    std::vector<const CLI::App*> asked{&app};  // with the subcommand, if there is one
    for (const CLI::App* sub : app.get_subcommands()) asked.push_back(sub);
    for (const CLI::App* each : asked)
      for (const CLI::Option* option : each->get_options())
        for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    show(Error(called + " has no flag " + quoted(*flag))
             .hint(did_you_mean(flag->substr(0, flag->find('=')), flags, help)));
    return usage_status;
  }
  show(Error(printable(error.what())).hint(help));
  return dynamic_cast<const CLI::RequiredError*>(&error) != nullptr ? failure_status : usage_status;
}

// As docker: of a flag that is given twice and has one value, the last one counts. So scripts add
// theirs behind what somebody else has set.
void let_the_last_count(CLI::App& app) {
  for (CLI::Option* option : app.get_options())
    if (!option->get_positional() && option->get_items_expected_max() == 1 &&
        option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw)
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  for (CLI::App* sub : app.get_subcommands({})) let_the_last_count(*sub);
}

// `called`: its name, with the group's before it.
int run_command(const Subcommand& command, const std::string& called, Globals globals,
                std::vector<std::string> arguments) {
  CLI::App app{std::string(command.summary), "slipway " + called};
  app.option_defaults()->always_capture_default(false);
  app.add_option("--root", globals.root, "where images, layers and the cache are kept")->group("");
  app.add_flag("-D,--debug", globals.debug, "say more about what is done")->group("");
  std::function<int()> run = command.declare(app, globals);
  let_the_last_count(app);
  take_equals_signs(app, arguments);
  // CLI11 wants them last to first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& error) {
    return refuse(app, error, called);
  }
  if (globals.root.empty()) globals.root = StateDirectory::default_root();
  return run();
}

// `slipway image ls`: the command behind the group's name.
int run_group(const Subcommand& group, const Globals& globals, std::vector<std::string> arguments) {
  const std::string called(group.name);
  const bool asks_help =
      !arguments.empty() && (arguments.front() == "-h" || arguments.front() == "--help" ||
                             (arguments.front() == "help" && arguments.size() == 1));
  if (arguments.empty() || asks_help) {
    std::fputs(group_help(group).c_str(), asks_help ? stdout : stderr);
    return asks_help ? 0 : failure_status;
  }
  std::string name = arguments.front();
  if (name == "help") {
    name = arguments[1];
    arguments = {name, "--help"};
  }
  arguments.erase(arguments.begin());
  for (const Subcommand& command : group.group())
    if (command.name == name)
      return run_command(command, called + " " + name, globals, std::move(arguments));
  throw unknown_command("slipway " + called, group.group(), name);
}

// A standard descriptor that was closed by the caller would become the number of the next file that
// is opened, and what is printed would end up in it: in a layer, or the database. Opened the wrong
// way round, so that its use is an error still.
void fill_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one.
    if (::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) {
      throw system_error("open", "/dev/null", errno);
    }
  }
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
    if (argument == "-D" || argument == "--debug") {
      globals.debug = true;
    } else if (argument == "--root" && next + 1 < arguments.size()) {
      globals.root = arguments[++next];
    } else if (argument == "--root") {
      std::fputs(
          render(Error("--root needs a directory").hint("slipway --help"), use_color()).c_str(),
          stderr);
      return usage_status;
    } else if (argument.starts_with("--root=")) {
      globals.root = argument.substr(7);
    } else {
      std::fputs(
          render(Error("slipway does not know " + quoted(argument) + " before a command")
                     .hint(did_you_mean(argument.substr(0, argument.find('=')),
                                        {"--root", "--version", "--help"}, "slipway --help")),
                 use_color())
              .c_str(),
          stderr);
      return usage_status;
    }
  }
  if (next == arguments.size()) {
    std::fputs(help().c_str(), stderr);
    return failure_status;
  }
  std::string name = arguments[next];
  std::vector<std::string> rest(arguments.begin() + static_cast<std::ptrdiff_t>(next) + 1,
                                arguments.end());
  if (name == "help" && rest.empty()) {
    std::fputs(help().c_str(), stdout);
    return 0;
  }
  if (name == "help") {
    name = rest.front();
    rest.front() = "--help";
    std::rotate(rest.begin(), rest.begin() + 1, rest.end());  // `help image ls`
  }
  for (const Subcommand& command : commands())
    if (command.name == name)
      return command.group != nullptr ? run_group(command, globals, std::move(rest))
                                      : run_command(command, name, globals, std::move(rest));
  throw unknown_command("slipway", commands(), name);
}

// Large blocks go back to the system when they are freed. Left alone, glibc takes the size of the
// largest block freed so far for the threshold, and keeps what a walk of a large context needed:
// 69 MB instead of 57 for 100,000 files.
void give_memory_back() {
  ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
  slipway::give_memory_back();
  try {
    slipway::fill_standard_descriptors();
    const int status = slipway::run_program({argv + 1, argv + argc});
    // Results that could not be written are a failure: a full disk, a closed pipe.
    if (std::fflush(stdout) != 0) {
      throw slipway::system_error("write", "standard output", errno);
    }
    return status;
  } catch (const slipway::Error& error) {
    std::fputs(slipway::render(error, slipway::use_color()).c_str(), stderr);
  } catch (const std::bad_alloc&) {
    std::fputs("error: there is not enough memory\n", stderr);
  } catch (const std::exception& error) {
    // A mistake in slipway: what can be expected of libraries becomes an Error where it is used.
    const slipway::Error shown("slipway failed unexpectedly: " + slipway::printable(error.what()));
    std::fputs(slipway::render(shown, slipway::use_color()).c_str(), stderr);
  }
  return slipway::failure_status;
}
