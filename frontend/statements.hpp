// Statements: a Dockerfile's instructions as the grammar sees them, with continuations joined and
// nothing interpreted yet.
#pragma once

#include <frontend/fragment.hpp>
#include <frontend/report.hpp>
#include <ir/instruction.hpp>

#include <optional>
#include <string>
#include <vector>

namespace slipway {

enum class Keyword {
  from,
  arg,
  env,
  label,
  run,
  copy,
  add,
  workdir,
  user,
  cmd,
  entrypoint,
  shell,
  expose,
  volume,
  stopsignal,
  healthcheck,
  onbuild,
  maintainer,
  unknown,
};

// The lines between an instruction and the terminator of a heredoc it opens.
struct HeredocBody {
  Fragment content;
  bool ended = true;  // false: the file ends first
};

struct Statement {
  Keyword keyword = Keyword::unknown;
  Fragment name;                // the keyword as written
  Fragment line;                // the whole instruction on one line, trimmed
  Fragment untrimmed;           // the same with what blanks stand behind it
  std::vector<Fragment> flags;  // as written, quotes and escapes still in
  Fragment type;                // HEALTHCHECK: CMD, NONE or what stands there
  Fragment rest;                // what follows the flags (and the type), trimmed
  std::vector<Fragment> words;  // the same divided, where the instruction takes words
  bool bracket = false;         // it begins with [
  std::vector<HeredocBody> bodies;
  std::vector<std::string> comments;  // the comment lines above
  std::optional<Fragment> cache_rule;  // "# cache: ..." among those right above
  SourceSpan span;                    // all lines, heredocs included
};

struct Statements {
  std::vector<Statement> list;
  std::vector<Directive> directives;
  std::vector<EmptyContinuation> empty_continuations;
  char escape = '\\';
};

// Reads a whole text with the Dockerfile grammar. Linear in its size.
Statements read_statements(const Fragment& text, Report& report);

// Reads one line, already joined, as one instruction: an ONBUILD trigger, or a keyword that was
// written across two lines.
Statement read_line(const Fragment& line, char escape);

}  // namespace slipway
