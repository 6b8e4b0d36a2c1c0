#include <doctest/doctest.h>

#include <frontend/ignore_file.hpp>
#include <frontend/parse.hpp>
#include <ir/error.hpp>

namespace slipway {

using Patterns = std::vector<std::string>;

TEST_CASE("comments and blank lines of a .dockerignore vanish, patterns are cleaned") {
  CHECK(parse_dockerignore("# all but\n\n  *.log  \r\n/build/\n./a//b/../c\n") ==
        Patterns{"*.log", "build", "a/c"});
  CHECK(parse_dockerignore("\xef\xbb\xbf# mark\nx") == Patterns{"x"});
  CHECK(parse_dockerignore("").empty());
}

TEST_CASE("only a # in the first column begins a comment") {
  CHECK(parse_dockerignore(" # file\n#file\n") == Patterns{"# file"});
}

TEST_CASE("an exclamation mark stays in front of the cleaned pattern") {
  CHECK(parse_dockerignore("*\n! /src/ \n!\n![a]\n") == Patterns{"*", "!src", "!", "![a]"});
}

TEST_CASE("a pattern may name the context itself or lead out of it") {
  CHECK(parse_dockerignore("/\n.\n../x\n/../x\n") == Patterns{"/", ".", "../x", "x"});
}

TEST_CASE("what docker's reader of ignore files is tested with") {
  // moby/patternmatcher, ignorefile: blanks behind '!', a '!' alone, '/' in front.
  CHECK(parse_dockerignore("test1\n/test2\n/a/file/here\n\nlastfile\n# this is a comment\n"
                           "! /inverted/abs/path\n!\n! ") ==
        Patterns{"test1", "test2", "a/file/here", "lastfile", "!inverted/abs/path", "!", "!"});
}

TEST_CASE("every rule knows where it stands, and what is wrong with it is said there") {
  auto source = std::make_shared<SourceFile>();
  source->name = ".dockerignore";
  source->text = "\xef\xbb\xbf# mark\r\n\tgr\xc3\xbc\xc3\x9f" "e/ \r\n\n![a\n[z-a]\nb";
  const IgnoreFile file = read_ignore_file(source);
  CHECK(file.patterns == Patterns{"gr\xc3\xbc\xc3\x9f" "e", "![a", "[z-a]", "b"});
  REQUIRE(file.places.size() == 4);
  CHECK(file.places[0].line == 2);
  CHECK(file.places[0].column == 2);
  CHECK(file.places[0].end_column == 8);
  CHECK(file.places[3].line == 6);
  try {
    ignore_rules(file);
    FAIL("two rules are malformed");
  } catch (const Error& error) {
    REQUIRE(error.diagnostics().size() == 2);
    CHECK(error.diagnostics()[0].span.line == 4);
    CHECK(error.diagnostics()[0].span.end_column == 4);
    CHECK(error.diagnostics()[1].span.line == 5);
  }
  CHECK(ignore_rules(IgnoreFile{}).empty());
  CHECK(rule_places(file)[1] == ".dockerignore:4: \"![a\"");
  CHECK(rule_places(IgnoreFile{}).empty());
}

}  // namespace slipway
