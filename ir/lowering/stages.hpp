// Where names lead: each stage's base, and the sources of COPY --from and mount from=.
#pragma once

#include <ir/expand.hpp>
#include <ir/instruction.hpp>
#include <ir/lower.hpp>
#include <ir/mistakes.hpp>
#include <ir/platform.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace slipway {

// What a name stands for.
struct Source {
  enum class Kind { scratch, stage, context, image };
  Kind kind = Kind::scratch;
  std::size_t stage = 0;  // stage: its index
  std::string name;       // context: its name; image: the reference
};

// A stage before it is lowered.
struct StagePlan {
  const Stage* stage = nullptr;
  std::size_t index = 0;
  std::string name;       // AS, in lower case; may be empty
  std::string label;      // as progress shows it: the name, "stage-2", or empty for an only stage
  std::string base_text;  // FROM's, expanded
  Source base;
  bool unknown = false;   // FROM has a mistake: nothing is known about what the stage starts with
  bool replaced = false;  // a context of its name stands in for it: its instructions are not run
  Platform platform;

  // Known once the stage is found to be needed.
  bool needed = false;
  std::shared_ptr<const ResolvedImage> image;  // where the base is one
  std::vector<Instruction> triggers;           // ONBUILD of the base, run first
};

class Stages {
 public:
  // Expands every FROM and checks every name, also of stages that nothing needs.
  Stages(const Dockerfile& dockerfile, const LowerOptions& options, const Scope& globals,
         Mistakes& mistakes);

  std::vector<StagePlan>& plans() { return plans_; }
  const std::vector<StagePlan>& plans() const { return plans_; }

  // The stage that --target names, or the last. Throws Error.
  std::size_t target(const std::string& name) const;

  // COPY --from: a number, a stage, a context, an image. Throws Error.
  Source copy_source(const Word& from) const;
  // mount from=: the same, but a number is a name (BuildKit looks for names only).
  Source mount_source(const Word& from) const;

  // The stage or build context whose name is near `name`, for "did you mean"; may be empty.
  std::string nearest_name(std::string_view name) const;

 private:
  Source named_source(const std::string& name) const;
  std::optional<Source> context_source(std::string_view name) const;

  const LowerOptions& options_;
  std::vector<StagePlan> plans_;
  std::map<std::string, std::size_t, std::less<>> by_name_;  // the last stage of a name
};

// The mistake that `name` is where it is no image either, but near a stage's.
Error no_such_stage(const std::string& name, const std::string& near);

// Images, each asked for once.
class Images {
 public:
  Images(const ResolveImage& resolve, const Stages& stages) : resolve_(resolve), stages_(stages) {}

  // Throws Error at `span`; where the name is near a stage's, that is what it says.
  std::shared_ptr<const ResolvedImage> get(const std::string& reference, const Platform& platform,
                                           const SourceSpan& span);

 private:
  const ResolveImage& resolve_;
  const Stages& stages_;
  std::map<std::pair<std::string, Platform>, std::shared_ptr<const ResolvedImage>> known_;
};

// The words after --from and from= of an instruction, COPY's first.
struct SourceWord {
  const Word* word;
  bool copy;  // COPY --from, not a mount
};
std::vector<SourceWord> source_words(const Instruction& instruction);

}  // namespace slipway
