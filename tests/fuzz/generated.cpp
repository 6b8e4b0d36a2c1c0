// A valid Dockerfile, made out of the input's bytes: a fuzzer that stays within the language.
#include "dockerfile.hpp"
#include "generator.hpp"
#include "target.hpp"

#include <frontend/parse.hpp>

#include <cstdio>

namespace slipway::fuzz {

void try_input(std::string_view input) {
  Choices choices(input);
  const std::string text = random_dockerfile(choices);
  try {
    const ParsedDockerfile parsed = parse_dockerfile(file_of(text));
    require_whole(parsed.dockerfile);
    require(parsed.warnings.empty(), "a valid Dockerfile gives no warning");
    const Lowered lowered = lower_anywhere(parsed.dockerfile);
    require(lowered.warnings.empty(), "a valid Dockerfile is lowered without a warning");
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n%s", text.c_str(), render(error, false).c_str());
    require(false, "a valid Dockerfile is taken");
  }
}

}  // namespace slipway::fuzz
