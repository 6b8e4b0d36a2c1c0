#include <frontend/parse.hpp>

#include <frontend/directives.hpp>
#include <frontend/instructions.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

// All mistakes, where there are any that end the reading; without those lower() finds the later
// ones.
std::vector<Diagnostic> mistakes_of(const Report& report) {
  std::vector<Diagnostic> errors = report.errors();
  if (errors.empty()) return errors;
  errors.insert(errors.end(), report.later_errors().begin(), report.later_errors().end());
  // Found instruction by instruction, but not from left to right in each.
  std::stable_sort(errors.begin(), errors.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.span.line, a.span.column) < std::pair(b.span.line, b.span.column);
  });
  return errors;
}

// Puts instructions into stages, one after the other.
class Stages {
 public:
  Stages(Dockerfile& dockerfile, Report& report) : dockerfile_(dockerfile), report_(report) {}

  void add(const Statement& statement, const Reading& reading) {
    auto instruction = read_instruction(statement, reading);
    if (!instruction) {
      from_misspelt_ = from_misspelt_ || looks_like_from(statement);
      return;
    }
    if (auto* from = std::get_if<From>(&instruction->kind)) {
      dockerfile_.stages.push_back({.from = std::move(*from),
                                    .span = instruction->span,
                                    .text = std::move(instruction->text),
                                    .keyword = std::move(instruction->keyword),
                                    .comments = std::move(instruction->comments)});
    } else if (!dockerfile_.stages.empty()) {
      dockerfile_.stages.back().instructions.push_back(std::move(*instruction));
    } else if (std::holds_alternative<Arg>(instruction->kind)) {
      dockerfile_.global_args.push_back(std::move(*instruction));
    } else if (!homeless_ && !from_misspelt_) {
      homeless_ = true;  // once: the rest has the same cause
      report_.error(statement.name.span(),
                    statement.name.text() + " stands before the first FROM",
                    "only ARG may: begin with FROM and the image to start from");
    }
  }

  void finish(const Fragment& text) {
    if (!dockerfile_.stages.empty() || !report_.errors().empty()) return;
    const SourceSpan end = text.span(text.size(), text.size());
    if (dockerfile_.global_args.empty()) {
      report_.error(end, "the file has no instructions");
    } else {
      report_.error(end, "the file has no FROM, so there is nothing to build");
    }
  }

 private:
  Dockerfile& dockerfile_;
  Report& report_;
  bool from_misspelt_ = false;
  bool homeless_ = false;  // an instruction outside of all stages was reported
};

}  // namespace

ReadDockerfile read_dockerfile(std::shared_ptr<const SourceFile> source) {
  ReadDockerfile parsed;
  parsed.dockerfile.source = source;
  const Fragment text = whole_text(std::move(source));
  Report report;
  Statements statements = read_statements(text, report);
  parsed.dockerfile.directives = directives_of(text, statements.directives);
  parsed.dockerfile.empty_continuations = std::move(statements.empty_continuations);
  parsed.dockerfile.escape = statements.escape;

  Stages stages(parsed.dockerfile, report);
  for (const Statement& statement : statements.list) {
    stages.add(statement, {statements.escape, report});
  }
  stages.finish(text);
  parsed.mistakes = mistakes_of(report);
  parsed.warnings = report.warnings();
  return parsed;
}

ParsedDockerfile parse_dockerfile(std::shared_ptr<const SourceFile> source) {
  ReadDockerfile read = read_dockerfile(std::move(source));
  if (!read.mistakes.empty()) throw Error(std::move(read.mistakes));
  return {std::move(read.dockerfile), std::move(read.warnings)};
}

std::vector<Instruction> parse_triggers(const std::vector<std::string>& triggers,
                                        std::string_view image) {
  std::vector<Instruction> instructions;
  Report report;
  for (const std::string& trigger : triggers) {
    const Fragment text = whole_text(std::make_shared<const SourceFile>(
        SourceFile{"ONBUILD trigger of " + std::string(image), trigger}));
    const Statements statements = read_statements(text, report);
    if (statements.list.size() != 1) {
      report.error(text.span(), "an ONBUILD trigger is one instruction");
      continue;
    }
    const Statement& statement = statements.list.front();
    if (statement.keyword == Keyword::from || statement.keyword == Keyword::onbuild ||
        statement.keyword == Keyword::maintainer) {
      report.error(statement.name.span(),
                   statement.name.text() + " is not allowed as an ONBUILD trigger");
      continue;
    }
    auto instruction = read_instruction(statement, {statements.escape, report});
    if (instruction) instructions.push_back(std::move(*instruction));
  }
  if (!report.errors().empty()) throw Error(report.errors());
  return instructions;
}

}  // namespace slipway
