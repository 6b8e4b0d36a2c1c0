#include <frontend/parse.hpp>

#include <frontend/cache_directive.hpp>

#include <frontend/directives.hpp>
#include <frontend/instructions.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

Mistakes mistakes_of(const Report& report) {
  Mistakes mistakes;
  for (const Diagnostic& error : report.errors()) mistakes.add(error);
  mistakes.add_unkept(report.found() - report.errors().size());
  return mistakes;
}

// Puts instructions into stages, one after the other.
class Stages {
 public:
  Stages(Dockerfile& dockerfile, Report& report) : dockerfile_(dockerfile), report_(report) {}

  void add(const Statement& statement, const Reading& reading) {
    Instruction read = read_instruction(statement, reading);
    if (statement.cache_rule)
      read.cache = read_cache_rule(*statement.cache_rule, read.kind, report_);
    Instruction* const instruction = &read;
    if (auto* from = std::get_if<From>(&instruction->kind)) {
      dockerfile_.stages.push_back({.from = std::move(*from),
                                    .span = instruction->span,
                                    .text = std::move(instruction->text),
                                    .keyword = std::move(instruction->keyword),
                                    .comments = std::move(instruction->comments),
                                    .failed = instruction->failed,
                                    .guessed = instruction->guessed});
    } else if (!dockerfile_.stages.empty()) {
      dockerfile_.stages.back().instructions.push_back(std::move(*instruction));
    } else if (std::holds_alternative<Arg>(instruction->kind) ||
               statement.keyword == Keyword::unknown) {
      // What is no instruction may have been meant as a FROM: what follows is not to blame.
      homeless_ = homeless_ || statement.keyword == Keyword::unknown;
      dockerfile_.global_args.push_back(std::move(*instruction));
    } else if (!homeless_) {
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
  bool homeless_ = false;  // an instruction outside of all stages is known about
};

}  // namespace

ParsedDockerfile read_dockerfile(std::shared_ptr<const SourceFile> source) {
  ParsedDockerfile parsed;
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
  ParsedDockerfile parsed = read_dockerfile(std::move(source));
  parsed.mistakes.throw_if_any();
  return parsed;
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
    instructions.push_back(read_instruction(statement, {statements.escape, report}));
  }
  mistakes_of(report).throw_if_any();
  return instructions;
}

}  // namespace slipway
