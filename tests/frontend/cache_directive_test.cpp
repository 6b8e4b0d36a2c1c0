#include <doctest/doctest.h>

#include <frontend/parse.hpp>

#include <memory>
#include <string>

namespace slipway {
namespace {

ParsedDockerfile read(const std::string& text) {
  return parse_dockerfile(std::make_shared<const SourceFile>(SourceFile{"Dockerfile", text}));
}

// The rule of the last instruction.
std::optional<CacheRule> rule_of(const std::string& above) {
  return read("FROM a\n" + above + "RUN make\n").dockerfile.stages[0].instructions.back().cache;
}

}  // namespace

TEST_CASE("a comment right above an instruction is a cache rule of it") {
  CHECK(rule_of("# cache: ttl=7d\n")->ttl == 604800);
  CHECK(rule_of("#cache:ttl=12h\n")->ttl == 43200);
  CHECK(rule_of("# cache: never\n")->never);
  CHECK(rule_of("# cache: never\r\n")->never);
  CHECK(rule_of("  # cache: never\n")->never);
  // Other comments may stand between, a blank line or an instruction may not.
  CHECK(rule_of("# cache: ttl=1h\n# because\n")->ttl == 3600);
  CHECK(rule_of("# cache: ttl=1h\n# cache: ttl=2h\n")->ttl == 7200);
  CHECK_FALSE(rule_of("# cache: never\n\n"));
  CHECK_FALSE(rule_of("# cache: never\nRUN other\n"));
  // Within an instruction it is no rule of anything.
  CHECK_FALSE(rule_of("RUN a \\\n# cache: never\n b\n"));
  CHECK_FALSE(rule_of("RUN <<E\n# cache: never\nE\n"));
}

TEST_CASE("a rule that cannot be read is a warning at its place, prose is nothing") {
  const auto warning = [](const std::string& text) -> std::string {
    const ParsedDockerfile parsed = read(text);
    if (parsed.warnings.empty()) return "";
    const Diagnostic& first = parsed.warnings.front();
    return std::to_string(first.span.line) + ":" + std::to_string(first.span.column) + " " +
           first.message;
  };
  CHECK(warning("FROM a\n# cache: tll=7d\nRUN b\n") ==
        "2:1 the cache rule \"tll=7d\" is not understood");
  CHECK(warning("FROM a\n# cache: ttl=soon\nRUN b\n") ==
        "2:1 the cache rule \"ttl=soon\" is not understood");
  CHECK(warning("FROM a\n# cache: ttl = 7d\nRUN b\n") ==
        "2:1 the cache rule \"ttl = 7d\" is not understood");
  CHECK(warning("FROM a\n# cache:\nRUN b\n") == "2:1 the cache rule \"\" is not understood");
  CHECK(warning("FROM a\n# cache: never\nENV A=1\n") ==
        "2:1 a cache rule says nothing about this instruction");
  CHECK(warning("FROM a\n# cache: the packages come first\nRUN b\n") == "");
  CHECK(warning("FROM a\n# cached: never\nRUN b\n") == "");
}

}  // namespace slipway
