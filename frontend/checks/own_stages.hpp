// What our own checks look at: the stages with the commands of each RUN.
#pragma once

#include <frontend/checks/shell_commands.hpp>
#include <ir/checks/findings.hpp>
#include <ir/instruction.hpp>
#include <ir/mount.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// An instruction of a stage.
struct OwnLine {
  const Instruction* instruction = nullptr;
  Commands commands;                   // of RUN; of others none
  std::vector<MountValues> mounts;     // of RUN; what has a variable in it is empty
  std::optional<std::string> workdir;  // at its start, absolute; nothing where it is not known
  bool pipefail = false;               // SHELL sets it

  template <class Kind>
  const Kind* as() const {
    return std::get_if<Kind>(&instruction->kind);
  }
  bool has_cache_mount() const;
};

struct OwnStage {
  const Stage* stage = nullptr;
  std::optional<std::size_t> base;  // the stage it is built on; always an earlier one
  bool in_image = false;            // the last stage, or what that is built on
  std::vector<OwnLine> lines;
};

struct OwnFile {
  const Dockerfile* dockerfile = nullptr;
  std::vector<OwnStage> stages;
};

OwnFile own_file(const Dockerfile& dockerfile);

// The text of a word in which no variable stands.
std::optional<std::string> literal(const Word& word);
// `path` seen from `folder`, which is absolute or unknown: absolute, without "." and ".." and
// without a slash at the end.
std::optional<std::string> absolute(const std::optional<std::string>& folder,
                                    std::string_view path);
// The last name of a path; empty for "/", "." and "..".
std::string_view last_name(std::string_view path);
// Whether `path` is `folder` or lies in it; both are absolute.
bool is_inside(std::string_view path, std::string_view folder);

// A finding of the line, at `span`.
void report(Findings& findings, std::string_view rule, const OwnLine& line, std::string message,
            const SourceSpan& span, std::string hint);

// The rules, by what they are about.
void check_base_images(const OwnFile& file, Findings& findings);
void check_copies(const OwnFile& file, Findings& findings);
void check_layers(const OwnFile& file, Findings& findings);
void check_packages(const OwnFile& file, Findings& findings);
void check_secrets(const OwnFile& file, Findings& findings);
void check_shell(const OwnFile& file, Findings& findings);

}  // namespace slipway
