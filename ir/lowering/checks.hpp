// The checks that need values. Each says what it looks for; whether its finding is wanted is known
// to Findings. Without LowerOptions::findings all of them do nothing.
#pragma once

#include <ir/lowering/stage_state.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// The value of a word of the instruction that the stage is at. UndefinedVar: a variable in it that
// neither the base image nor an ARG or ENV defines, also where a default stands in for it.
std::string value_of(const Lowering& lowering, const StageState& stage, const Word& word);

// LegacyKeyValueFormat: ENV and LABEL without "=".
void check_old_form(const Lowering& lowering, const StageState& stage, bool old_form);
// SecretsUsedInArgOrEnv: a name with a word in it that says so.
void check_secret(const Lowering& lowering, const StageState& stage, const std::string& instruction,
                  std::string_view name, const SourceSpan& span);
// MultipleInstructionsDisallowed: the one before, which has no effect.
void check_used_once(const Lowering& lowering, const StageState& stage,
                     std::optional<UsedOnce>& before);
// JSONArgsRecommended: the shell form, unless somebody chose the shell.
void check_json_form(const Lowering& lowering, const StageState& stage, const CommandLine& command);
// WorkdirRelativePath: a first WORKDIR that depends on the base image's.
void check_workdir(const Lowering& lowering, StageState& stage, const std::string& path,
                   const SourceSpan& span);
// ExposeProtoCasing and ExposeInvalidFormat: "80/TCP", "8080:80".
void check_port(const Lowering& lowering, const StageState& stage, const std::string& port,
                const SourceSpan& span);

// The patterns that CopyIgnoredFile looks at: none if one of them re-includes something, because
// then an excluded directory may hold files.
std::optional<IgnoreRules> ignored_sources(const LowerOptions& options);
// CopyIgnoredFile: a source in the build context that is not sent.
void check_copy_source(const Lowering& lowering, const StageState& stage, std::string_view path,
                       const SourceSpan& span);

// InvalidBaseImagePlatform: an image that was had for another platform than asked for.
void check_platform(const Lowering& lowering, const StagePlan& plan);

// InvalidDefaultArgInFrom: a base that is no image's name unless a build argument says more.
void check_defaults(const Dockerfile& dockerfile, const LowerOptions& options);

// The checks of FROM, made for every stage, also for those that nothing needs.
class FromChecks {
 public:
  FromChecks(const Dockerfile& dockerfile, const LowerOptions& options, const Scope& globals);

  // UndefinedArgInFrom: of the image and of --platform.
  void arguments(const Stage& stage, const Expansion& value) const;
  // RedundantTargetPlatform and FromPlatformFlagConstDisallowed.
  void platform(const Stage& stage, const Expansion& value) const;

 private:
  Findings* findings_;
  const Scope& globals_;
  std::vector<std::string> declared_;  // ARGs before the first FROM and predefined ones, sorted
};

}  // namespace slipway
