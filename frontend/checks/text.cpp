#include <frontend/checks/text.hpp>

#include <frontend/checks/own.hpp>

#include <ir/letter_case.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// FROM, or an instruction: what the checks of keywords and comments look at.
struct Line {
  const Name& keyword;
  const std::vector<std::string>& comments;
  const SourceSpan& lines;
};

template <class Action>
void each_line(const Dockerfile& dockerfile, const Action& action) {
  for (const Stage& stage : dockerfile.stages) {
    action(Line{stage.keyword, stage.comments, stage.span});
    for (const Instruction& instruction : stage.instructions)
      action(Line{instruction.keyword, instruction.comments, instruction.span});
  }
}

// NoEmptyContinuation: once for an instruction, at its last line before heredocs; shown at the
// first blank one.
void check_continuations(const Dockerfile& dockerfile, Findings& findings) {
  for (const EmptyContinuation& each : dockerfile.empty_continuations) {
    findings.add(
        "NoEmptyContinuation", {},
        {nullptr, "Empty continuation line", each.line, each.last, "take the blank line out"});
  }
}

// InvalidDefinitionDescription: the comment line right above has to begin with a name it describes.
void check_description(const char* instruction, const std::vector<std::string>& names,
                       const std::vector<std::string>& comments, const SourceSpan& span,
                       const SourceSpan& lines, Findings& findings) {
  if (comments.empty() || names.empty()) return;
  const std::string first = comments.back().substr(0, comments.back().find(' '));
  if (std::find(names.begin(), names.end(), first) != names.end()) return;
  const std::string example = names.size() > 1 ? "<arg_key>" : names.front();
  findings.add("InvalidDefinitionDescription", comments,
               {nullptr,
                std::string("Comment for ") + instruction + " should follow the format: `# " +
                    example + " <description>`",
                span, lines, "a lone # between the two says that it is none"});
}

void check_arg(const Instruction& instruction, Findings& findings) {
  const Arg* arg = std::get_if<Arg>(&instruction.kind);
  if (arg == nullptr) return;
  std::vector<std::string> names;
  for (const Arg::Item& item : arg->items) names.push_back(item.name);
  check_description("ARG", names, instruction.comments, instruction.keyword.span, instruction.span,
                    findings);
}

void check_from(const Stage& stage, Findings& findings) {
  if (!stage.from.alias) return;
  const Name& alias = *stage.from.alias;
  const std::string name = lower_case(alias.text);
  if (alias.text != name) {
    findings.add("StageNameCasing", stage.comments,
                 {nullptr, "Stage name '" + alias.text + "' should be lowercase", alias.span,
                  stage.span, "write " + name});
  }
  const std::string& from = stage.keyword.text;
  // A FROM that is neither is told about by ConsistentInstructionCasing.
  if (stage.from.as && (from == lower_case(from) || from == upper_case(from))) {
    const Name& as = *stage.from.as;
    const std::string wanted = from == lower_case(from) ? lower_case(as.text) : upper_case(as.text);
    if (as.text != wanted) {
      findings.add("FromAsCasing", stage.comments,
                   {nullptr, "'" + as.text + "' and '" + from + "' keywords' casing do not match",
                    as.span, stage.span, "write " + wanted});
    }
  }
  check_description("FROM", {name}, stage.comments, stage.keyword.span, stage.span, findings);
}

void check_stage_names(const Dockerfile& dockerfile, Findings& findings) {
  std::set<std::string> seen;
  for (const Stage& stage : dockerfile.stages) {
    if (!stage.from.alias) continue;
    const Name& alias = *stage.from.alias;
    const std::string name = lower_case(alias.text);
    if (name == "scratch" || name == "context") {
      findings.add(
          "ReservedStageName", {},
          {nullptr, "Stage name should not use the same name as reserved stage \"" + name + "\"",
           alias.span, stage.span, ""});
    }
    if (!seen.insert(name).second) {
      findings.add("DuplicateStageName", {},
                   {nullptr, "Duplicate stage name \"" + name + "\", stage names should be unique",
                    alias.span, stage.span, ""});
    }
  }
}

// Keywords in one case are counted; the others follow the majority too. ARGs before the first FROM
// are in no stage and do not count.
void check_casing(const Dockerfile& dockerfile, Findings& findings) {
  std::size_t lower_count = 0;
  std::size_t upper_count = 0;
  each_line(dockerfile, [&](const Line& line) {
    const std::string& keyword = line.keyword.text;
    if (keyword == lower_case(keyword)) {
      ++lower_count;
    } else if (keyword == upper_case(keyword)) {
      ++upper_count;
    }
  });
  const bool to_lower = lower_count > upper_count;
  each_line(dockerfile, [&](const Line& line) {
    const std::string& keyword = line.keyword.text;
    const std::string wanted = to_lower ? lower_case(keyword) : upper_case(keyword);
    if (keyword == wanted) return;
    findings.add("ConsistentInstructionCasing", {},
                 {nullptr,
                  "Command '" + keyword + "' should match the case of the command majority (" +
                      (to_lower ? "lowercase" : "uppercase") + ")",
                  line.keyword.span, line.lines, "write " + wanted});
  });
}

}  // namespace

void check_instructions(const Dockerfile& dockerfile, Findings& findings) {
  check_continuations(dockerfile, findings);
  for (const Instruction& instruction : dockerfile.global_args) check_arg(instruction, findings);
  for (const Stage& stage : dockerfile.stages) {
    check_from(stage, findings);
    for (const Instruction& instruction : stage.instructions) {
      check_arg(instruction, findings);
      if (std::holds_alternative<Maintainer>(instruction.kind)) {
        findings.add("MaintainerDeprecated", instruction.comments,
                     {nullptr, "Maintainer instruction is deprecated in favor of using label",
                      instruction.keyword.span, instruction.span,
                      "write LABEL org.opencontainers.image.authors=\"...\""});
      }
    }
  }
}

void check_file(const Dockerfile& dockerfile, Findings& findings) {
  check_stage_names(dockerfile, findings);
  check_casing(dockerfile, findings);
  check_own(dockerfile, findings);
}

}  // namespace slipway
