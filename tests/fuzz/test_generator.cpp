// What the generator writes has to be taken without a word: by the parser, and by lowering.
#include "dockerfile.hpp"
#include "generator.hpp"

#include <frontend/parse.hpp>

#include <doctest/doctest.h>

#include <cstdint>

namespace slipway::fuzz {
namespace {

constexpr std::uint64_t seeds = 3000;

ParsedDockerfile parsed(const std::string& text) {
  return parse_dockerfile(
      std::make_shared<const SourceFile>(SourceFile{"Dockerfile", text}));
}

// What was said against a text; empty if nothing.
template <class Action>
std::string complaints(const Action& action) {
  std::string said;
  try {
    for (const Diagnostic& each : action()) said += render(each, "warning", false);
  } catch (const Error& error) {
    said = render(error, false);
  }
  return said;
}

}  // namespace

TEST_CASE("a valid Dockerfile is parsed and lowered without a word, whatever is in it") {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    Choices choices(seed);
    const std::string text = random_dockerfile(choices);
    CAPTURE(seed);
    CAPTURE(text);
    REQUIRE(complaints([&] { return parsed(text).warnings; }) == "");
    REQUIRE(complaints([&] { return lower_anywhere(parsed(text).dockerfile).warnings; }) == "");
  }
}

// Without it, a generator that had lost half of the language would still pass.
TEST_CASE("the generator writes every instruction, flag, operator and layout there is") {
  std::string all;
  for (std::uint64_t seed = 0; seed < seeds / 3; ++seed) {
    Choices choices(seed);
    all += random_dockerfile(choices);
  }
  const std::string_view needed[] = {
      "\nFROM ", "\nARG ", "\nENV ", "\nLABEL ", "\nRUN ", "\nCOPY ", "\nADD ", "\nWORKDIR ",
      "\nUSER ", "\nCMD ", "\nENTRYPOINT ", "\nSHELL ", "\nEXPOSE ", "\nVOLUME ", "\nSTOPSIGNAL ",
      "\nHEALTHCHECK ", "\nONBUILD ", "\nMAINTAINER ", "\nrun ", "\nRun ",
      "ONBUILD COPY ", "ONBUILD ENV ", "ONBUILD RUN <<",
      "--platform=", "--mount=type=bind", "--mount=type=cache", "--mount=type=tmpfs",
      "--mount=type=secret", "--mount=type=ssh", "--network=none", "--security=insecure",
      "--device=", "--from=0", "--from=s", "--chown=", "--chmod=", "--link", "--parents",
      "--exclude=", "--checksum=", "--keep-git-dir=", "--unpack", "--interval=", "--timeout=",
      "--start-period=", "--start-interval=", "--retries=", "HEALTHCHECK NONE",
      "${A}", "${A-", "${A:-", "${A+", "${A:+", "${A?", "${A:?", "${A#", "${A##", "${A%", "${A%%",
      "${A/", "${A//", "'$UNSET'", "\\$UNSET", "`$UNSET", "\"\"",
      "<<EOF\n", "<<-'EOF'\n", "3<<\"B C\"", "COPY <<F0 <<", "\tEOF\n",
      "# syntax=", "escape=`\n", "# check=", "\xef\xbb\xbf", "\r\n", " \\\n    ", " `\n    ",
      "\\\n# in between", "[\"", "\", \"", "CMD [\"", "VOLUME [\"", "COPY [\""};
  for (const std::string_view each : needed) {
    CAPTURE(each);
    CHECK(all.find(each) != std::string::npos);
  }
}

TEST_CASE("bytes are choices: none of them give the smallest Dockerfile, any of them a valid one") {
  Choices none(std::string_view{});
  CHECK(random_dockerfile(none) == "ARG IMAGE=alpine SPARE\nFROM scratch AS s0\n");
  Choices some(std::string_view("\x07\xff\x12 any bytes at all \x01\x02\x03\xf0"));
  CHECK(complaints([&] { return parsed(random_dockerfile(some)).warnings; }) == "");
}

}  // namespace slipway::fuzz
