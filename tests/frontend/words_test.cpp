#include "cases.hpp"
#include "conformance.hpp"

#include <doctest/doctest.h>

#include <ir/expand.hpp>

#include <sstream>
#include <string_view>

namespace slipway::testing {
namespace {

std::string trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  const std::size_t end = text.find_last_not_of(' ') + 1;
  return std::string(text.substr(begin, end > begin ? end - begin : 0));
}

Word word_of(const std::string& text) {
  const Dockerfile file = parse_dockerfile(source("FROM a\nWORKDIR " + text + "\n")).dockerfile;
  return std::get<Workdir>(file.stages.at(0).instructions.at(0).kind).path;
}

std::string value_of(const std::string& text) {
  Scope scope;
  scope.set("A", "one");
  scope.set("EMPTY", "");
  scope.set("P", "/usr/lib/x.tar.gz");
  scope.set("WORD", "größe");
  scope.set("STAR", "a*b");
  try {
    return expand(word_of(text), scope).text;
  } catch (const Error&) {
    return "error";
  }
}

std::string nested(std::size_t depth) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += "${x:-";
  return text + "end" + std::string(depth, '}');
}

}  // namespace

TEST_CASE("every word of words.txt has the value beside it") {
  std::istringstream lines(read_file("words.txt"));
  std::string fact;
  int count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#') || line.empty()) continue;
    if (line.starts_with("=== ")) {
      fact = line.substr(4);
      continue;
    }
    CAPTURE(fact);
    REQUIRE_FALSE(fact.empty());
    const std::size_t bar = line.rfind('|');
    const std::string word = trimmed(std::string_view(line).substr(0, bar));
    CAPTURE(word);
    CHECK(value_of(word) == trimmed(std::string_view(line).substr(bar + 1)));
    ++count;
  }
  count_cases("words", count);
}

TEST_CASE("substitutions may nest as deep as anyone writes them, and no deeper") {
  CHECK(value_of(nested(100)) == "end");
  CHECK(value_of(nested(101)) == "error");
}

TEST_CASE("a word remembers how it was written") {
  const Word word = word_of("/a/${B:-\"c d\"}");
  CHECK(word.text == "/a/${B:-\"c d\"}");
  const auto& variable = std::get<Variable>(word.parts.at(1));
  CHECK(variable.span.column == 12);
  CHECK(variable.span.end_column == 23);
}

}  // namespace slipway::testing
