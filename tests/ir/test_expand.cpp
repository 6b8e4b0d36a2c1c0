#include "words.hpp"

#include <ir/error.hpp>
#include <ir/expand.hpp>

#include <doctest/doctest.h>

using namespace slipway;
using namespace slipway::testing;

namespace {

Scope scope(const std::vector<std::pair<std::string, std::string>>& values) {
  Scope result;
  for (const auto& [name, value] : values) result.set(name, value);
  return result;
}

std::string value(Variable variable, const Scope& in) {
  return expand(word({std::move(variable)}), in).text;
}

}  // namespace

TEST_CASE("a variable has its value, an unknown one none, and both are remembered") {
  const Expansion result =
      expand(word({plain("a-"), variable("V"), plain("-"), variable("W")}), scope({{"V", "1"}}));
  CHECK(result.text == "a-1-");
  CHECK(result.used == std::set<std::string>{"V", "W"});
  CHECK(result.unset.size() == 1);
  CHECK(result.unset.contains("W"));
}

TEST_CASE("defaults, alternatives and demands tell unset from empty only without a colon") {
  const Scope in = scope({{"full", "x"}, {"empty", ""}});
  struct Row {
    const char* name;
    const char* op;
    const char* result;  // null: an error
  };
  const Row rows[] = {
      {"full", "-", "x"},  {"empty", "-", ""},       {"unset", "-", "w"},
      {"full", ":-", "x"}, {"empty", ":-", "w"},     {"unset", ":-", "w"},
      {"full", "+", "w"},  {"empty", "+", "w"},      {"unset", "+", ""},
      {"full", ":+", "w"}, {"empty", ":+", ""},      {"unset", ":+", ""},
      {"full", "?", "x"},  {"empty", "?", ""},       {"unset", "?", nullptr},
      {"full", ":?", "x"}, {"empty", ":?", nullptr}, {"unset", ":?", nullptr},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.op);
    const Variable asked = variable(row.name, row.op, word("w"));
    if (row.result != nullptr) {
      CHECK(value(asked, in) == row.result);
    } else {
      CHECK_THROWS_WITH_AS(value(asked, in), (std::string(row.name) + ": w").c_str(), Error);
    }
  }
  CHECK_THROWS_WITH_AS(value(variable("unset", "?", word("")), in),
                       "unset: is not allowed to be unset", Error);
  CHECK_THROWS_WITH_AS(value(variable("empty", ":?", word("")), in),
                       "empty: is not allowed to be empty", Error);
  // A default does not make a variable defined: BuildKit's UndefinedVar reports it all the same.
  CHECK(expand(word({variable("unset", ":-", word("w"))}), in).unset.contains("unset"));
  CHECK(expand(word({variable("empty", ":-", word("w"))}), in).unset.empty());
}

TEST_CASE("an operand is evaluated even where it is not needed") {
  const Scope in = scope({{"A", "a"}});
  const Variable inner = variable("B", ":?", word("gone"));
  CHECK_THROWS_AS(value(variable("A", ":-", word({inner})), in), Error);
  CHECK(value(variable("B", ":-", word({plain("<"), variable("A"), plain(">")})), in) == "<a>");
}

TEST_CASE("prefixes and suffixes are removed by pattern, shortest or longest") {
  struct Row {
    const char* value;
    const char* op;
    const char* pattern;
    const char* result;
  };
  const Row rows[] = {
      {"xxyy", "#", "x", "xyy"},
      {"xxyy", "#", "*x", "xyy"},
      {"xxyy", "##", "*x", "yy"},
      {"xxyy", "#", "*x*y", "y"},
      {"xxyy", "##", "*x*y", ""},
      {"xxyy", "#", "*", "xxyy"},
      {"xxyy", "##", "*", ""},
      {"xxyy", "#", "", "xxyy"},
      {"xxyy", "#", "y", "xxyy"},
      {"xxyy", "%", "y", "xxy"},
      {"xxyy", "%", "y*", "xxy"},
      {"xxyy", "%%", "y*", "xx"},
      {"xxyy", "%", "x", "xxyy"},
      {"xx**", "%%", "\\**", "xx"},
      {"a***yy*", "%%", "\\**\\*", "a"},
      {"???y", "#", "?\\?", "?y"},
      {"()[]{}^$.*?|\\x", "#", "()[]{\\}^$.\\*\\?|\\\\", "x"},
      {"a/b/c", "#", "*\\/", "b/c"},
      {"\xC3\xA9t\xC3\xA9", "#", "?", "t\xC3\xA9"},
      {"\xC3\xA9t\xC3\xA9", "%", "?", "\xC3\xA9t"},
      {"a\nb", "##", "*", "\nb"},  // a star does not leave its line
  };
  for (const Row& row : rows) {
    CAPTURE(row.value);
    CAPTURE(row.op);
    CAPTURE(row.pattern);
    CHECK(value(variable("V", row.op, word(row.pattern)), scope({{"V", row.value}})) == row.result);
  }
  CHECK_THROWS_AS(value(variable("V", "#", word("\\a")), scope({{"V", "a"}})), Error);
  CHECK_THROWS_AS(value(variable("V", "%", word("a\\")), scope({{"V", "a"}})), Error);
  // The second # may come out of a variable.
  CHECK(value(variable("V", "#", word({variable("P")})), scope({{"V", "xxyy"}, {"P", "#*x"}})) ==
        "yy");
}

TEST_CASE("text is replaced by pattern, once or everywhere, the longest match of each place") {
  struct Row {
    const char* value;
    const char* op;
    const char* pattern;
    const char* replacement;
    const char* result;
  };
  const Row rows[] = {
      {"/tmp/tmp/bar.txt", "/", "/tmp", "", "/tmp/bar.txt"},
      {"/tmp/tmp/bar.txt", "//", "/tmp", "", "/bar.txt"},
      {"/a/foo/b/c.txt", "/", "/?/", "/", "/foo/b/c.txt"},
      {"/a/foo/b/c.txt", "//", "/?/", "/", "/foo/c.txt"},
      {"/foo*/*/*.txt", "//", "\\*/", ".", "/foo..*.txt"},
      {"/tmp/foo.txt", "//", "\\/", "\\/", "\\/tmp\\/foo.txt"},
      {"aXbXc", "/", "X*X", "-", "a-c"},
      {"aXbX", "//", "X*", "-", "a-"},
      {"xxyy", "/", "", "ww", "wwxxyy"},
      {"abc", "//", "", "-", "-a-b-c-"},
      {"baac", "//", "a*", "x", "bx"},
      {"abab", "//", "b", "", "aa"},
      {"", "/", "a", "b", ""},
      {"aab", "/", "ab", "-", "a-"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.value);
    CAPTURE(row.pattern);
    CHECK(value(variable("V", row.op, word(row.pattern), word(row.replacement)),
                scope({{"V", row.value}})) == row.result);
  }
}

TEST_CASE("a long value meets a mean pattern and the two get along") {
  const std::string text(200000, 'a');
  const Scope in = scope({{"V", text}});
  CHECK(value(variable("V", "//", word("a*a*a*b"), word("x")), in) == text);
  CHECK(value(variable("V", "##", word("*a*a*a*b")), in) == text);
  CHECK(value(variable("V", "//", word("aa"), word("b")), in) == std::string(100000, 'b'));
}

TEST_CASE("nesting has an end") {
  Word nested = word("x");
  for (int i = 0; i < 5000; ++i) nested = word({variable("V", ":-", std::move(nested))});
  CHECK_THROWS_WITH_AS(expand(nested, Scope{}), "variables are nested too deeply", Error);
}

TEST_CASE("what variables add to a word has an end") {
  const Scope in = scope({{"V", std::string(300'000, 'x')}});
  CHECK(expand(word({variable("V"), variable("V")}), in).text.size() == 600'000);
  CHECK_THROWS_WITH_AS(
      expand(word({variable("V"), variable("V"), variable("V"), variable("V")}), in),
      "the variables' values are longer than 1 MiB together", Error);
}

TEST_CASE("a list is split after expansion, but not inside quotes") {
  const Scope in = scope({{"P", "80 81/udp"}, {"E", ""}});
  const auto list = [&](std::vector<WordPart> parts) {
    return expand_list(word(std::move(parts)), in);
  };
  using Words = std::vector<std::string>;
  CHECK(list({variable("P")}) == Words{"80", "81/udp"});
  CHECK(list({plain("7"), variable("P"), plain("9")}) == Words{"780", "81/udp9"});
  CHECK(list({variable("P", true)}) == Words{"80 81/udp"});
  CHECK(list({in_quotes("a b"), plain(" c")}) == Words{"a b", "c"});
  CHECK(list({variable("E")}).empty());
  CHECK(list({in_quotes("")}).empty());
}
