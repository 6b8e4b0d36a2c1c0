#include <doctest/doctest.h>

#include <frontend/parse.hpp>

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

}  // namespace slipway
