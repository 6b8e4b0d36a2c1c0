// Our own checks of package managers.
#include <frontend/checks/dependency_tools.hpp>
#include <frontend/checks/own_stages.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace slipway {
namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

bool is_apt(const Command& command) {
  return is_one_of(command.program(), {"apt-get", "apt", "aptitude"});
}

bool is_yum(const Command& command) {
  return is_one_of(command.program(), {"yum", "dnf", "dnf5", "microdnf"});
}

std::string_view verb_of(const Command& command) {
  const ShellWord* verb = command.subcommand();
  return verb == nullptr ? std::string_view() : std::string_view(verb->text);
}

bool updates_lists(const Command& command) {
  return is_apt(command) && verb_of(command) == "update";
}

bool needs_lists(const Command& command) {
  return is_apt(command) && is_one_of(verb_of(command), {"install", "upgrade", "dist-upgrade",
                                                         "full-upgrade", "build-dep"});
}

// Something that may do anything, such as update lists or clean up.
bool is_script(const Command& command) {
  const auto& words = command.shell().words;
  if (words.empty()) return false;
  return command.program().empty() || is_posix_shell(command.program()) ||
         command.program() == "add-apt-repository" || command.program() == "extrepo" ||
         (words.front().text.find('/') != std::string::npos &&
          !words.front().text.starts_with("/usr/bin/") && !words.front().text.starts_with("/bin/"));
}

bool runs_scripts(const Commands& commands) {
  return std::any_of(commands.list.begin(), commands.list.end(), is_script);
}

// Whether a mount holds `folder`, lies in it, or may do so.
bool is_mounted(const OwnLine& line, std::string_view folder) {
  return std::any_of(line.mounts.begin(), line.mounts.end(), [&](const MountValues& mount) {
    using Type = RunProcess::Mount::Type;
    if (mount.type != Type::cache && mount.type != Type::tmpfs) return false;
    if (mount.target.empty()) return true;  // not known
    const auto path = absolute("/", mount.target);
    return !path || is_inside(*path, folder) || is_inside(folder, *path);
  });
}

// Whether a command of the RUN takes `folder` away, or what is in it.
bool is_removed(const Commands& commands, std::string_view folder) {
  return std::any_of(commands.list.begin(), commands.list.end(), [&](const Command& command) {
    if (command.program() != "rm" && command.program() != "find") return false;
    const auto arguments = command.arguments();
    return std::any_of(arguments.begin(), arguments.end(), [&](const ShellWord& word) {
      if (word.text.starts_with('-')) return false;
      if (!word.literal) return true;  // it may
      std::string path = word.text;
      while (path.ends_with('*') || (path.ends_with('/') && path.size() > 1)) path.pop_back();
      if (path.starts_with("~/")) path.replace(0, 1, "/root");
      return !path.empty() && (is_inside(path, folder) || is_inside(folder, path));
    });
  });
}

// AptUpdateApart. `updated`: the line of an earlier RUN that has the lists in its layer.
void check_update(const OwnLine& line, std::optional<std::uint32_t>& updated, Findings& findings) {
  const Commands& commands = line.commands;
  if (!commands.understood) {
    updated = std::nullopt;  // it may have done anything
    return;
  }
  bool lists = false;
  bool told = false;
  for (const Command& command : commands.list) {
    if (updates_lists(command) || is_script(command)) lists = true;
    if (!updated || lists || told || !needs_lists(command)) continue;
    told = true;
    report(findings, "AptUpdateApart", line,
           "the package lists are those of line " + std::to_string(*updated) +
               ", which the cache keeps while packages move on",
           command.span_to(*command.subcommand()),
           "write RUN " + std::string(command.program()) + " update && " +
               std::string(command.program()) + " " + std::string(verb_of(command)) + " ...");
  }
  const auto update = std::find_if(commands.list.begin(), commands.list.end(), updates_lists);
  if (update != commands.list.end()) updated = update->program_span().line;
  if (is_removed(commands, "/var/lib/apt/lists")) updated = std::nullopt;
}

// What answers for everything, wherever it stands in the file.
bool answers_always(const std::string& text) {
  static constexpr std::array<std::string_view, 5> settings = {
      "Assume-Yes", "assumeyes", "always_yes", "ALWAYS_YES", "ZYPP_NON_INTERACTIVE"};
  return std::any_of(settings.begin(), settings.end(),
                     [&](std::string_view each) { return text.find(each) != text.npos; });
}

// The option that answers, if the command asks and has none of them; empty for the others.
std::string_view missing_answer(const Command& command) {
  const std::string_view program = command.program();
  const std::string_view verb = verb_of(command);
  if (is_apt(command)) {
    const bool asks = is_one_of(verb, {"install", "upgrade", "dist-upgrade", "full-upgrade",
                                       "build-dep", "remove", "purge", "autoremove"});
    const auto arguments = command.arguments();
    const bool very_quiet =
        std::any_of(arguments.begin(), arguments.end(), [](const ShellWord& word) {
          const bool letters = word.text.starts_with('-') && !word.text.starts_with("--");
          return letters &&
                 (std::count(word.text.begin(), word.text.end(), 'q') > 1 || word.text == "-q=2");
        });
    const bool answered =
        very_quiet || command.has({"-y", "--yes", "--assume-yes", "--force-yes", "-s", "--simulate",
                                   "--dry-run", "--print-uris", "--just-print"});
    return asks && !answered ? "-y" : "";
  }
  if (is_one_of(program, {"yum", "dnf", "dnf5"})) {
    const bool asks = is_one_of(verb, {"install", "update", "upgrade", "remove", "erase",
                                       "groupinstall", "localinstall", "reinstall", "downgrade"});
    return asks && !command.has({"-y", "--assumeyes", "--assumeno", "--downloadonly"}) ? "-y" : "";
  }
  if (program == "zypper") {
    const bool asks =
        is_one_of(verb, {"install", "in", "update", "up", "dup", "dist-upgrade", "remove", "rm"});
    const bool answered = command.has({"-n", "--non-interactive", "-y", "--no-confirm"});
    return asks && !answered ? "-n" : "";
  }
  if (program == "pacman") {
    const auto arguments = command.arguments();
    const bool asks = std::any_of(arguments.begin(), arguments.end(), [](const ShellWord& word) {
      return word.text.starts_with("-S") || word.text.starts_with("-R") ||
             word.text.starts_with("-U");
    });
    return asks && command.subcommand() != nullptr && !command.has({"--noconfirm"}) ? "--noconfirm"
                                                                                    : "";
  }
  if (is_one_of(program, {"conda", "mamba", "micromamba"})) {
    const bool asks = is_one_of(verb, {"install", "create", "update", "remove"});
    return asks && !command.has({"-y", "--yes", "--dry-run"}) ? "-y" : "";
  }
  return {};
}

// InstallWithoutYes, once a RUN.
void check_answers(const OwnLine& line, Findings& findings) {
  for (const Command& command : line.commands.list) {
    const std::string_view option = missing_answer(command);
    if (option.empty()) continue;
    // Another program, or a file, gives the answers.
    if (command.shell().before == ShellCommand::Link::pipe || !command.shell().redirections.empty())
      continue;
    const ShellWord* verb = command.subcommand();
    const auto arguments = command.arguments();
    const bool unknown_options =
        std::any_of(arguments.begin(), arguments.end(), [&](const ShellWord& word) {
          const bool options = word.text.find("OPT") != std::string::npos ||
                               word.text.find("ARG") != std::string::npos ||
                               word.text.find("FLAG") != std::string::npos ||
                               word.text.find("opt") != std::string::npos;
          return !word.literal && (&word <= verb || options);
        });
    if (unknown_options) continue;
    const std::string name =
        std::string(command.program()) + (verb->literal ? " " + verb->text : std::string());
    report(findings, "InstallWithoutYes", line,
           std::string(command.program()) + " asks, and nobody can answer", command.span_to(*verb),
           option == "-n" || option == "--noconfirm"
               ? "write " + std::string(command.program()) + " " + std::string(option)
               : "write " + name + " " + std::string(option));
    return;
  }
}

// What leaves files in the layer that nothing needs.
struct Leftover {
  const ShellWord* word = nullptr;  // of the command, which leaves it
  std::string folder;
  std::string hint;
};

// What the commands of a RUN do, as program and verb: `apt-get clean`.
using Verbs = std::set<std::pair<std::string_view, std::string_view>>;

Verbs verbs_of(const Commands& commands) {
  Verbs verbs;
  for (const Command& command : commands.list) verbs.emplace(command.program(), verb_of(command));
  return verbs;
}

std::string cache_mount(std::string_view folder) {
  return "RUN --mount=type=cache,target=" + std::string(folder);
}

std::optional<Leftover> leftover_of(const Command& command, const Verbs& verbs,
                                    bool pip_keeps_nothing) {
  const std::string_view program = command.program();
  const ShellWord* verb = command.subcommand();
  if (updates_lists(command)) {
    for (const std::string_view clean : {"distclean", "dist-clean"})
      if (verbs.contains({"apt-get", clean})) return std::nullopt;
    return Leftover{
        verb, "/var/lib/apt/lists",
        "end the RUN with rm -rf /var/lib/apt/lists/*, or keep them out of the layer: " +
            cache_mount("/var/lib/apt/lists")};
  }
  if (program == "apk" && verb_of(command) == "add" && !command.has({"--no-cache"}))
    return Leftover{verb, "/var/cache/apk", "write apk add --no-cache"};
  if (is_yum(command) && is_one_of(verb_of(command), {"install", "update", "upgrade"})) {
    if (verbs.contains({program, "clean"})) return std::nullopt;
    const std::string folder = program == "yum" ? "/var/cache/yum" : "/var/cache/dnf";
    return Leftover{verb, folder,
                    "end the RUN with " + std::string(program) +
                        " clean all, or keep it out of the layer: " + cache_mount(folder)};
  }
  if (const auto pip = pip_arguments(command)) {
    const bool installs = !pip->empty() && pip->front().text == "install";
    if (!installs || command.has({"--no-cache-dir"}) || pip_keeps_nothing ||
        verbs.contains({program, "cache"}))
      return std::nullopt;
    return Leftover{&pip->front(), "/root/.cache",
                    "write pip install --no-cache-dir, or keep it out of the layer: " +
                        cache_mount("/root/.cache/pip")};
  }
  if (program == "npm" && is_one_of(verb_of(command), {"ci", "install", "i"})) {
    if (verbs.contains({program, "cache"})) return std::nullopt;
    return Leftover{verb, "/root/.npm",
                    "keep it out of the layer: " + cache_mount("/root/.npm") +
                        ", or end the RUN with npm cache clean --force"};
  }
  return std::nullopt;
}

// PackageCacheInLayer, once for each program of a RUN. True if there was one.
bool check_leftovers(const OwnLine& line, bool pip_keeps_nothing, Findings& findings) {
  if (runs_scripts(line.commands)) return false;
  const Verbs verbs = verbs_of(line.commands);
  std::set<std::string_view> seen;
  bool told = false;
  for (const Command& command : line.commands.list) {
    const auto left = leftover_of(command, verbs, pip_keeps_nothing);
    if (!left || !seen.insert(command.program()).second) continue;
    if (is_mounted(line, left->folder) || is_removed(line.commands, left->folder)) continue;
    told = true;
    report(findings, "PackageCacheInLayer", line,
           std::string(command.program()) + " leaves " +
               (updates_lists(command) ? "its package lists" : "its downloads") + " in the image",
           command.span_to(*left->word), left->hint);
  }
  return told;
}

// CacheMountRecommended, once for each tool of a stage: its next RUN finds what this one has
// downloaded.
void check_cache_mount(const OwnLine& line, std::set<std::string_view>& tools, Findings& findings) {
  // Without a network, nothing is downloaded.
  const auto& network = line.as<Run>()->network;
  if (line.has_cache_mount() || (network && network->text == "none")) return;
  for (const Command& command : line.commands.list) {
    const auto found = installation_of(command);
    if (!found || !tools.insert(found->tool->name).second) continue;
    if (command.has({"--no-cache-dir", "--no-cache", "--offline"})) continue;
    std::string mounts = "RUN --mount=type=cache,target=" + std::string(found->tool->cache);
    if (found->tool->name == "go") mounts += " --mount=type=cache,target=/root/.cache/go-build";
    report(findings, "CacheMountRecommended", line,
           "when this RUN has to run again, " + std::string(found->tool->name) +
               " downloads everything again",
           found->last == nullptr ? command.program_span() : command.span_to(*found->last),
           "write " + mounts + " ...");
    return;
  }
}

}  // namespace

void check_packages(const OwnFile& file, Findings& findings) {
  const std::string& text = file.dockerfile->source->text;
  const bool answered = answers_always(text);
  const bool pip_keeps_nothing = text.find("PIP_NO_CACHE_DIR") != text.npos;
  std::vector<std::optional<std::uint32_t>> updates;
  for (const OwnStage& stage : file.stages) {
    std::optional<std::uint32_t> updated = stage.base ? updates[*stage.base] : std::nullopt;
    std::set<std::string_view> tools;
    for (const OwnLine& line : stage.lines) {
      if (line.as<Run>() == nullptr) continue;
      check_update(line, updated, findings);
      if (!line.commands.understood) continue;
      if (!answered) check_answers(line, findings);
      const bool told = stage.in_image && check_leftovers(line, pip_keeps_nothing, findings);
      if (!told) check_cache_mount(line, tools, findings);
    }
    updates.push_back(updated);
  }
}

}  // namespace slipway
