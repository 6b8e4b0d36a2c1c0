#include <frontend/instructions.hpp>

#include <grammar/heredocs.hpp>
#include <ir/letter_case.hpp>
#include <ir/nearest.hpp>

#include <algorithm>

namespace slipway {
namespace {

// Tabs at the start of each line taken away.
Fragment strip_tabs(const Fragment& content) {
  Fragment stripped = content.slice(0, 0);
  const std::string& text = content.text();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = std::min(text.find_first_not_of('\t', at), text.size());
    const std::size_t line_end = text.find('\n', begin);
    const std::size_t end = line_end == std::string::npos ? text.size() : line_end + 1;
    stripped.append(content, begin, end);
    at = end;
  }
  return stripped;
}

std::optional<InstructionKind> kind_of(const Statement& statement, const Reading& reading);

// The statement as if it began with `name`.
std::optional<InstructionKind> read_as(const std::string& name, const Statement& statement,
                                       char escape) {
  const Fragment line = statement.line.with_beginning(name, statement.name.size());
  Statement meant = read_line(line, escape);
  meant.bodies = statement.bodies;
  Report unread;
  return kind_of(meant, {escape, unread});
}

std::optional<InstructionKind> unknown_instruction(const Statement& statement,
                                                   const Reading& reading) {
  const std::string near = nearest(upper_case(statement.name.text()), instruction_names());
  reading.report.error(statement.name.span(),
                       "unknown instruction " + quoted(statement.name.text()),
                       near.empty() ? "" : "did you mean " + quoted(near) + "?");
  // Nobody will see what a guess could save when there are that many mistakes.
  if (near.empty() || reading.report.found() > most_mistakes) return std::nullopt;
  return read_as(near, statement, reading.escape);
}

std::optional<InstructionKind> kind_of(const Statement& statement, const Reading& reading) {
  switch (statement.keyword) {
    case Keyword::from: return read_from(statement, reading);
    case Keyword::arg: return read_arg(statement, reading);
    case Keyword::env: return read_env(statement, reading);
    case Keyword::label: return read_label(statement, reading);
    case Keyword::run: return read_run(statement, reading);
    case Keyword::copy: return read_copy(statement, reading);
    case Keyword::add: return read_add(statement, reading);
    case Keyword::workdir: return read_workdir(statement, reading);
    case Keyword::user: return read_user(statement, reading);
    case Keyword::cmd: return read_cmd(statement, reading);
    case Keyword::entrypoint: return read_entrypoint(statement, reading);
    case Keyword::shell: return read_shell(statement, reading);
    case Keyword::expose: return read_expose(statement, reading);
    case Keyword::volume: return read_volume(statement, reading);
    case Keyword::stopsignal: return read_stopsignal(statement, reading);
    case Keyword::healthcheck: return read_healthcheck(statement, reading);
    case Keyword::onbuild: return read_onbuild(statement, reading);
    case Keyword::maintainer: return read_maintainer(statement, reading);
    case Keyword::unknown: break;
  }
  return unknown_instruction(statement, reading);
}

}  // namespace

const std::vector<std::string>& instruction_names() {
  static const std::vector<std::string> names = {
      "ADD",   "ARG",        "CMD",     "COPY", "ENTRYPOINT", "ENV",        "EXPOSE", "FROM", "HEALTHCHECK",
      "LABEL", "MAINTAINER", "ONBUILD", "RUN",  "SHELL",      "STOPSIGNAL", "USER",   "VOLUME", "WORKDIR"};
  return names;
}

Instruction read_instruction(const Statement& statement, const Reading& reading) {
  const std::size_t found = reading.report.found();
  InstructionKind kind = kind_of(statement, reading).value_or(Env{});
  std::string text = statement.line.text();
  const std::string name = upper_case(statement.name.text());
  text.replace(0, name.size(), name);
  return {std::move(kind), std::move(text), statement.span,
          {statement.name.text(), statement.name.span()}, statement.comments,
          reading.report.found() != found, statement.keyword == Keyword::unknown};
}

std::vector<Heredoc> read_heredocs(const Statement& statement, bool words,
                                   const Reading& reading) {
  std::vector<Heredoc> heredocs;
  const auto openings = grammar::heredocs_of(statement.untrimmed.text());
  for (std::size_t i = 0; i < openings.size(); ++i) {
    const grammar::HeredocOpening& opening = openings[i];
    Heredoc heredoc{.name = opening.name,
                    .expand = opening.expand,
                    .strip_tabs = opening.strip_tabs,
                    .span = statement.untrimmed.span(opening.begin, opening.end)};
    if (i >= statement.bodies.size() || !statement.bodies[i].ended) {
      // The ones behind it have no body because of it: they are no mistakes of their own.
      reading.report.syntax(heredoc.span, "the heredoc " + quoted(opening.name) + " does not end",
                            "end it with a line that holds nothing but " + quoted(opening.name));
      break;
    }
    const Fragment& body = statement.bodies[i].content;
    const Fragment content = opening.strip_tabs ? strip_tabs(body) : body;
    heredoc.content = content.text();
    // In a body the backslash escapes, whatever the escape directive says. So BuildKit reads it.
    heredoc.word = words && opening.expand
                       ? read_word(content, '\\', reading.report, WordMode::raw_quotes)
                       : plain_word(content);
    heredocs.push_back(std::move(heredoc));
  }
  return heredocs;
}

}  // namespace slipway
