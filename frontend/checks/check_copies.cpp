// Our own checks of COPY and ADD.
#include <frontend/checks/dependency_tools.hpp>
#include <frontend/checks/own_stages.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace slipway {
namespace {

const FileTransfer* transfer_of(const OwnLine& line) {
  if (const Copy* copy = line.as<Copy>()) return copy;
  return line.as<Add>();
}

bool from_context(const OwnLine& line) {
  const Copy* copy = line.as<Copy>();
  return copy == nullptr || !copy->from;
}

bool is_broad(std::string_view source) {
  while (source.starts_with("./")) source.remove_prefix(2);
  return source.empty() || source == "." || source == "/" || source == "*" || source == "**";
}

// A COPY of the whole build context that no installation came behind yet.
struct BroadCopy {
  const OwnLine* line = nullptr;
  const Word* source = nullptr;
};

const Word* broad_source(const OwnLine& line) {
  const FileTransfer* transfer = transfer_of(line);
  if (transfer == nullptr || !from_context(line)) return nullptr;
  for (const Word& word : transfer->sources) {
    const auto source = literal(word);
    if (source && is_broad(*source)) return &word;
  }
  return nullptr;
}

// BroadCopyBeforeInstall, once for a COPY. `installed`: the tools that have run before it.
void check_installation(const OwnLine& line, BroadCopy& copy, std::set<std::string_view>& installed,
                        Findings& findings) {
  if (!line.commands.understood) return;
  for (const Command& command : line.commands.list) {
    const auto found = installation_of(command);
    if (!found || !found->manifest_only) continue;
    const DependencyTool& tool = *found->tool;
    const bool first = installed.insert(tool.name).second;
    if (copy.line == nullptr || !first || line.has_cache_mount()) continue;
    report(findings, "BroadCopyBeforeInstall", *copy.line,
           "every change of any file makes " + std::string(tool.name) +
               " install all dependencies again (line " +
               std::to_string(command.program_span().line) + ")",
           copy.source->span,
           "write COPY " + std::string(tool.manifests) + " ./ and RUN " +
               std::string(tool.command) + ", and behind them COPY " + copy.source->text);
    copy = {};
  }
}

// What a COPY or ADD has put somewhere.
struct Copied {
  const OwnLine* line = nullptr;
  bool file = false;     // it is one file, as far as its name tells
  std::size_t runs = 0;  // how many RUNs stood in front of it
  std::string source;    // for the hint
};

// Whether a source is a file and no folder, by its name.
bool is_file_name(std::string_view source) {
  const std::string_view name = last_name(source);
  return (name.find('.', 1) != name.npos && !source.ends_with('/')) ||
         name.find("entrypoint") != name.npos || name == "gradlew" || name == "mvnw";
}

void remember_copied(const OwnLine& line, std::size_t runs, std::map<std::string, Copied>& copied) {
  const FileTransfer* transfer = transfer_of(line);
  const auto destination = literal(transfer->destination);
  const auto folder = destination ? absolute(line.workdir, *destination) : std::nullopt;
  if (!folder || !transfer->heredocs.empty()) return;
  const bool into = destination->ends_with('/') || *destination == "." ||
                    destination->ends_with("/.") || transfer->sources.size() > 1 ||
                    line.workdir == folder;
  for (const Word& word : transfer->sources) {
    const auto source = literal(word);
    if (!source || source->find_first_of("*?[") != std::string::npos) continue;
    const bool file = is_file_name(*source);
    const std::string_view name = last_name(*source);
    if (into && file && !name.empty()) {
      copied[(*folder == "/" ? "" : *folder) + "/" + std::string(name)] = {&line, true, runs,
                                                                           *source};
    } else {
      copied[*folder] = {&line, file && !into, runs, *source};
    }
  }
}

bool changes_owner(std::string_view program) {
  return program == "chown" || program == "chgrp" || program == "chmod";
}

// A RUN that makes users and folders and changes owners, and writes no files that would need the
// new owner as well.
bool only_prepares(const OwnLine& line) {
  static constexpr std::array<std::string_view, 9> programs = {
      "adduser", "useradd", "addgroup", "groupadd", "usermod", "groupmod", "mkdir", "set", "id"};
  return std::all_of(line.commands.list.begin(), line.commands.list.end(), [](const Command& each) {
    return changes_owner(each.program()) ||
           std::find(programs.begin(), programs.end(), each.program()) != programs.end();
  });
}

// A folder that the base image and its packages put files into.
bool is_of_system(std::string_view path) {
  static constexpr std::array<std::string_view, 9> folders = {
      "/etc", "/usr", "/var", "/bin", "/sbin", "/lib", "/run", "/tmp", "/root"};
  return path == "/" || std::any_of(folders.begin(), folders.end(), [&](std::string_view folder) {
           return is_inside(path, folder);
         });
}

// What was copied to `path` or, if all below it changes, into it.
const Copied* find_copied(const std::map<std::string, Copied>& copied, const std::string& path,
                          bool all_below, std::size_t runs) {
  auto at = copied.lower_bound(path);
  if (!all_below) {
    return at != copied.end() && at->first == path && at->second.file ? &at->second : nullptr;
  }
  if (at == copied.end() || !is_inside(at->first, path)) return nullptr;
  // Below a folder of the system is more than what was copied, which COPY cannot give an owner.
  if (at->first != path && is_of_system(path)) return nullptr;
  // What a RUN between the two has written may need the new owner, too.
  return at->second.runs == runs ? &at->second : nullptr;
}

// ChownAfterCopy, once a RUN. `runs` counts those before it that may have written files.
void check_owners(const OwnLine& line, const std::map<std::string, Copied>& copied,
                  std::size_t runs, Findings& findings) {
  if (copied.empty()) return;
  const bool prepares = only_prepares(line);
  std::optional<std::string> folder = line.workdir;
  for (const Command& command : line.commands.list) {
    if (command.program() == "cd") folder = std::nullopt;
    if (!changes_owner(command.program()) || command.shell().depth > 0) continue;
    const bool recursive = command.has({"-R", "--recursive"});
    if (recursive && !prepares) continue;
    const ShellWord* setting = nullptr;
    for (const ShellWord& word : command.arguments()) {
      // -x takes a right away and is no option.
      if (word.text.starts_with("-") && (setting == nullptr || word.text.starts_with("--")))
        continue;
      if (setting == nullptr) {
        setting = &word;
        continue;
      }
      const auto path = word.literal ? absolute(folder, word.text) : std::nullopt;
      if (!path) continue;
      const Copied* found = find_copied(copied, *path, recursive, runs);
      if (found == nullptr) continue;
      const bool mode = command.program() == "chmod";
      const std::string option = mode ? "--chmod=" : "--chown=";
      report(findings, "ChownAfterCopy", line,
             std::string(command.program()) + " stores once more what line " +
                 std::to_string(found->line->instruction->span.line) + " has copied",
             command.span_to(word),
             "write " + found->line->instruction->keyword.text + " " + option +
                 (setting->literal ? setting->text
                  : mode           ? "MODE"
                                   : "USER") +
                 " " + found->source + " ..." + (mode ? "" : ", with the user made above it"));
      return;
    }
  }
}

bool is_archive_name(std::string_view source) {
  static constexpr std::array<std::string_view, 11> endings = {
      ".tar", ".tgz", ".tbz2", ".tbz", ".txz", ".tzst", ".gz", ".bz2", ".xz", ".zst", ".tlz"};
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return source.ends_with(ending); });
}

bool is_remote(std::string_view source) {
  return source.find("://") != source.npos || source.starts_with("git@") ||
         source.starts_with("github.com/");
}

// CopyInsteadOfAdd: local files that ADD would treat as COPY does.
void check_add(const OwnLine& line, Findings& findings) {
  const Add* add = line.as<Add>();
  if (add == nullptr || add->checksum || add->keep_git_dir || add->unpack) return;
  for (const Word& word : add->sources) {
    const auto source = literal(word);
    if (!source || is_remote(*source) || is_archive_name(*source)) return;
    // Archives may be among them.
    if (source->find_first_of("*?[") != std::string::npos) return;
  }
  report(findings, "CopyInsteadOfAdd", line, "ADD does here what COPY does",
         line.instruction->keyword.span,
         "write COPY: ADD fetches addresses and unpacks archives, whether that is meant or not");
}

}  // namespace

void check_copies(const OwnFile& file, Findings& findings) {
  std::vector<std::set<std::string_view>> tools;
  for (const OwnStage& stage : file.stages) {
    std::set<std::string_view> installed =
        stage.base ? tools[*stage.base] : std::set<std::string_view>();
    BroadCopy broad;
    std::map<std::string, Copied> copied;
    std::size_t runs = 0;
    for (const OwnLine& line : stage.lines) {
      if (transfer_of(line) != nullptr) {
        if (const Word* source = broad_source(line); source != nullptr && broad.line == nullptr)
          broad = {&line, source};
        if (stage.in_image) remember_copied(line, runs, copied);
        check_add(line, findings);
      } else if (line.as<Run>() != nullptr) {
        check_installation(line, broad, installed, findings);
        if (line.commands.understood) check_owners(line, copied, runs, findings);
        if (!line.commands.understood || !only_prepares(line)) ++runs;
      }
    }
    tools.push_back(std::move(installed));
  }
}

}  // namespace slipway
