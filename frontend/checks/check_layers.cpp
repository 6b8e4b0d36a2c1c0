// Our own check of RUNs that undo what an earlier layer has stored.
#include <frontend/checks/own_stages.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace slipway {
namespace {

// What an instruction has put into its layer.
struct Stored {
  const OwnLine* line = nullptr;
  std::string source;  // of a COPY or ADD from the build context; else empty
};

class Layers {
 public:
  explicit Layers(Findings& findings) : findings_(findings) {}

  void copy(const OwnLine& line, const FileTransfer& transfer, bool from_context) {
    const auto destination = literal(transfer.destination);
    const auto path = destination ? absolute(line.workdir, *destination) : std::nullopt;
    if (!path) return;
    for (const Word& word : transfer.sources) {
      const auto source = literal(word);
      if (!source || source->find_first_of("*?[") != std::string::npos) continue;
      const std::string_view name = last_name(*source);
      if (name.empty()) continue;
      const Stored stored{&line, from_context ? *source : std::string()};
      // Whether the destination is a folder may only be known to the build: it is one of the two.
      const bool folder = destination->ends_with('/') || *path == line.workdir ||
                          transfer.sources.size() > 1 || *path == "/tmp";
      files_[folder ? (*path == "/" ? "" : *path) + "/" + std::string(name) : *path] = stored;
    }
  }

  void run(const OwnLine& line) {
    told_ = false;
    folder_ = line.workdir;
    for (const Command& command : line.commands.list) {
      const std::string_view program = command.program();
      if (program == "cd" || program == "pushd") {
        const ShellWord* to = command.subcommand();
        const bool known = to != nullptr && to->literal && command.shell().depth == 0;
        folder_ = known ? absolute(folder_, to->text) : std::nullopt;
      } else if (program == "rm") {
        remove_files(line, command);
      } else {
        store_download(line, command);
        packages(line, command);
      }
    }
  }

 private:
  static bool is_mounted(const OwnLine& line, std::string_view path) {
    return std::any_of(line.mounts.begin(), line.mounts.end(), [&](const MountValues& mount) {
      return mount.target.empty() || is_inside(path, absolute("/", mount.target).value_or("/"));
    });
  }

  void store(const OwnLine& line, std::string_view name) {
    const auto path = absolute(folder_, name);
    if (path && !is_mounted(line, *path)) files_[*path] = {&line, ""};
  }

  // The files that curl, wget and git clone write.
  void store_download(const OwnLine& line, const Command& command) {
    const std::string_view program = command.program();
    if (program != "curl" && program != "wget" && program != "git") return;
    if (program == "git") {
      const ShellWord* verb = command.subcommand();
      const auto arguments = command.arguments();
      if (verb != nullptr && verb->text == "clone" && !arguments.empty() &&
          arguments.back().literal && &arguments.back() != verb) {
        std::string name(arguments.back().text);
        if (name.find("://") != std::string::npos || name.starts_with("git@")) {
          if (name.ends_with(".git")) name.resize(name.size() - 4);
          name = std::string(last_name(name));
        }
        store(line, name);
      }
      return;
    }
    for (const ShellRedirection& each : command.shell().redirections)
      if (each.op == ">" && each.target.literal) store(line, each.target.text);
    const ShellWord* before = nullptr;
    bool named = false;
    const ShellWord* address = nullptr;
    const std::string_view options = program == "curl" ? "o" : "O";
    for (const ShellWord& word : command.arguments()) {
      const std::string_view option = before == nullptr ? std::string_view() : before->text;
      const bool letters = option.size() > 1 && option[0] == '-' && option[1] != '-';
      if ((letters && options.find(option.back()) != options.npos) || option == "--output" ||
          option == "--output-document") {
        named = true;
        if (word.literal && word.text != "-") store(line, word.text);
      } else if (word.text.find("://") != std::string::npos) {
        address = &word;
      }
      before = &word;
    }
    const bool own_name = program == "wget" ? !named : command.has({"-O", "--remote-name"});
    if (own_name && address != nullptr && address->literal)
      store(line, last_name(address->text.substr(0, address->text.find('?'))));
  }

  void remove_files(const OwnLine& line, const Command& command) {
    for (const ShellWord& word : command.arguments()) {
      if (word.text.starts_with('-') || !word.literal) continue;
      std::string name = word.text;
      const bool content = name.ends_with("/*");
      if (content) name.resize(name.size() - 2);
      if (name.find_first_of("*?[") != std::string::npos || name.empty()) continue;
      const auto path = absolute(folder_, name);
      if (!path || is_mounted(line, *path)) continue;
      for (auto at = files_.lower_bound(*path); at != files_.end() && is_inside(at->first, *path);
           at = files_.erase(at))
        tell(line, at->second, command.span_to(word), at->first);
    }
  }

  void tell(const OwnLine& line, const Stored& stored, const SourceSpan& span,
            const std::string& what) {
    if (stored.line == &line || std::exchange(told_, true)) return;
    const std::string number = std::to_string(stored.line->instruction->span.line);
    report(findings_, "RemovedInLaterLayer", line,
           what + " stays in the image: line " + number + " has it in a layer of its own", span,
           stored.source.empty()
               ? "put what line " + number + " does, the use and the removal into one RUN"
               : "mount it instead of copying it: RUN --mount=type=bind,source=" + stored.source +
                     ",target=" + what + " ...");
  }

  // Packages by their names; "apt " in front, so that they are nobody else's.
  void packages(const OwnLine& line, const Command& command) {
    const std::string_view program = command.program();
    const bool apt = program == "apt-get" || program == "apt";
    const bool apk = program == "apk";
    if (!apt && !apk) return;
    const ShellWord* verb = command.subcommand();
    if (verb == nullptr) return;
    const bool adds = verb->text == (apt ? "install" : "add");
    const bool removes = verb->text == "del" || verb->text == "purge" || verb->text == "remove";
    if (!adds && !removes) return;
    const std::string prefix = apt ? "apt " : "apk ";
    const ShellWord* before = nullptr;
    for (const ShellWord& word : command.arguments()) {
      const bool group = before != nullptr && (before->text == "-t" || before->text == "--virtual");
      before = &word;
      if (&word == verb || word.text.starts_with('-') || !word.literal) continue;
      if (apt && group) continue;  // -t RELEASE
      const std::string name = prefix + word.text.substr(0, word.text.find_first_of("=<>~"));
      if (adds) {
        packages_.try_emplace(name, Stored{&line, ""});
        continue;
      }
      const auto found = packages_.find(name);
      if (found == packages_.end()) continue;
      tell(line, found->second, command.span_to(word), word.text);
      packages_.erase(found);
    }
  }

  Findings& findings_;
  std::map<std::string, Stored> files_;
  std::map<std::string, Stored> packages_;
  std::optional<std::string> folder_;  // the working directory inside of a RUN
  bool told_ = false;                  // once a RUN
};

}  // namespace

// RemovedInLaterLayer. Only what is in the image counts: what a stage leaves behind costs nothing.
void check_layers(const OwnFile& file, Findings& findings) {
  for (const OwnStage& stage : file.stages) {
    if (!stage.in_image) continue;
    Layers layers(findings);
    for (const OwnLine& line : stage.lines) {
      if (const Copy* copy = line.as<Copy>()) {
        layers.copy(line, *copy, !copy->from);
      } else if (const Add* add = line.as<Add>()) {
        layers.copy(line, *add, false);
      } else if (line.as<Run>() != nullptr && line.commands.understood) {
        layers.run(line);
      }
    }
  }
}

}  // namespace slipway
