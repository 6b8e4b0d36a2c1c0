#include "cases.hpp"

#include "ir/dockerfiles.hpp"

#include <doctest/doctest.h>

#include <ir/dump.hpp>
#include <ir/lower.hpp>

#include <random>

namespace slipway::testing {
namespace {

// Parses, and says whether the outcome is one of the two there are; anything else escapes.
bool ends_well(const std::string& text) {
  try {
    const ParsedDockerfile parsed = parse_dockerfile(source(text));
    return !print_ast(parsed.dockerfile).empty() && !parsed.dockerfile.stages.empty();
  } catch (const Error& error) {
    for (const Diagnostic& each : error.diagnostics()) {
      if (each.message.empty() || !each.span) return false;
    }
    return !render(error, false).empty();
  }
}

// The same for a whole build, up to its graph.
bool builds_or_says_why(const std::string& text) {
  LowerOptions options = amd64_options();
  options.parse_triggers = parse_triggers;
  ImageShelf shelf;
  shelf.put("a");
  try {
    const ParsedDockerfile parsed = read_dockerfile(source(text));
    require_no_mistakes(parsed.dockerfile, options, parsed.mistakes);
    return !dump(lower(parsed.dockerfile, options, shelf.resolver())).empty();
  } catch (const Error& error) {
    const std::string shown = render(error, false);
    // As much as a person reads, whatever the file is like.
    return error.diagnostics().size() <= most_mistakes && shown.size() < 400'000 &&
           shown.find('\x1b') == std::string::npos;
  }
}

// "begin" and then each number in the text instead of #, and the one before it instead of @.
std::string counted(std::string begin, const std::string& text, int times) {
  for (int i = 1; i <= times; ++i) {
    for (const char c : text) {
      if (c == '#' || c == '@') {
        begin += std::to_string(c == '#' ? i : i - 1);
      } else {
        begin += c;
      }
    }
  }
  return begin;
}

std::string random_bytes(std::size_t size) {
  std::mt19937 random(3);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random() % 256);
  return text;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("a Dockerfile that breaks off anywhere gives a tree or a message") {
  for (const auto& folder : case_folders()) {
    const std::string text = read_file(folder / "Dockerfile");
    for (std::size_t length = 0; length < text.size(); ++length) {
      CAPTURE(text.substr(0, length));
      REQUIRE(ends_well(text.substr(0, length)));
    }
  }
}

TEST_CASE("a Dockerfile with any bytes in it gives a tree or a message") {
  std::mt19937 random(1);
  const std::string_view loved = "\\`\"'${}<>#=-[],\n\r\t /:?%\0\x80\xff\xc3";
  for (const auto& folder : case_folders()) {
    const std::string original = read_file(folder / "Dockerfile");
    for (int round = 0; round < 40; ++round) {
      std::string text = original;
      for (int edit = 0; edit < 3 && !text.empty(); ++edit) {
        const std::size_t at = random() % text.size();
        const char byte = random() % 4 == 0 ? static_cast<char>(random() % 256)
                                            : loved[random() % loved.size()];
        switch (random() % 3) {
          case 0: text[at] = byte; break;
          case 1: text.insert(at, 1, byte); break;
          default: text.erase(at, 1);
        }
      }
      CAPTURE(text);
      REQUIRE(ends_well(text));
    }
  }
}

// No times are asserted: what is not linear here would not end within the suite's patience.
TEST_CASE("what is huge or nested beyond reason ends") {
  const std::size_t many = 12'500;
  const std::string texts[] = {
      "FROM a\nRUN " + repeated("x", 1 << 18),
      "FROM a\nENV A=" + repeated("\"", 1 << 16),
      "FROM a\nENV A=" + repeated("'\\\"", 1 << 15),
      "FROM a\nENV A=" + repeated("${a:-", many),
      "FROM a\nENV A=" + repeated("${a:-", many) + repeated("}", many),
      "FROM a\nENV A=" + repeated("\"${a:-", many),
      "FROM a\nENV A=" + repeated("$a", many),
      "FROM a\nRUN <<A " + repeated("${a:-", many) + "\nA\n",
      "FROM a\nRUN " + repeated("<<A ", 1'250),
      "FROM a\nRUN " + repeated("\\", 1 << 16) + "\n",
      "# escape=`\nFROM a\nRUN " + repeated("\\", 1 << 16) + "\n",
      "FROM a\nRUN a" + repeated("\\\n", 1 << 15),
      "FROM a\nRUN a" + repeated("\\\n#c\n\n", 1 << 13),
      "FROM a\n" + repeated("\r", 1 << 16) + "x",
      "FROM a\nCMD " + repeated("[", 1 << 16),
      "FROM a\nCMD " + repeated("[", many) + repeated("]", many),
      "FROM a\nRUN --mount=" + repeated("\"\",", 1 << 13) + " x",
      "FROM a\nCOPY " + repeated("a ", 1 << 14),
      "FROM a\nLABEL " + repeated("a=b ", many),
      "FROM a\nRUN " + repeated("\xd0\xb6", 1 << 16),
      "FROM a\nLABEL a=$" + repeated("\xd0\xb6", 1 << 10),
      "FROM a\n" + repeated("ONBUILD ", 2'500),
      "FROM a\n" + repeated("FORM a\n", 2'500),
      repeated("FROM a\n", 2'500),
      repeated("RNU <<EOF\n", 1'250),
  };
  for (const std::string& text : texts) {
    CAPTURE(text.substr(0, 40));
    REQUIRE(ends_well(text));
    REQUIRE(builds_or_says_why(text));
  }
}

// tests/bench/hostile.sh has the same at their full size, with times.
TEST_CASE("what takes long to lower, to dump or to complain about ends") {
  const std::string texts[] = {
      "FROM a\nEXPOSE " + repeated("x", 1 << 20),
      "FROM a\nCOPY --form=x " + repeated("\xe6\xbc\xa2", 1 << 17),
      "FROM a\nCOPY a b " + repeated("${x:?} ", 2'000),
      "FROM a\n" + repeated("EXPOSE x\n", 2'500),
      "FROM a\nEXPOSE " + repeated("\x1b[2J ", 2'500),
      counted("FROM a AS s0\n", "FROM s@ AS s#\nENV A#=b\n", 500),
      counted("FROM a AS s0\n", "FROM s@ AS s#\nARG B\nENV A=#\n", 500),
      counted("FROM a AS s0\n", "FROM a AS s#\nCOPY --from=s@ /a /b\n", 500),
      counted("FROM a AS stage0\n", "FROM a AS stage#\nCOPY --from=stgae# /a /b\n", 500),
      counted("FROM a\nARG a0=x\n", "ARG a#=$a@\n", 2'500),
      counted("FROM a\nENV a0=x\n", "ENV a#=$a@$a@\n", 100),
      "FROM a AS b\n" + repeated("ONBUILD ENV A=b\n", 2'500) + "FROM b\n",
      "FROM a\nRUN " + repeated("<<A ", 2'500) + "\n" + repeated("A\n", 2'500),
      "FROM a\nENV A=" + repeated("${a:-", 50) + repeated("}", 50) + "\nEXPOSE " +
          repeated("${A:?", 2'500),
      repeated("FORM a AS b\n", 2'500),
      random_bytes(50'000),
      "FROM a\n" + random_bytes(50'000),
      "FROM a\nRUN <<A\n" + random_bytes(50'000) + "\nA\n",
  };
  for (const std::string& text : texts) {
    CAPTURE(text.substr(0, 40));
    REQUIRE(builds_or_says_why(text));
  }
}

}  // namespace slipway::testing
