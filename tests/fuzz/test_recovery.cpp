// A Dockerfile with one mistake has one: what follows from it is no other one.
#include "generator.hpp"
#include "mutations.hpp"

#include <frontend/parse.hpp>
#include <ir/lower.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace slipway::fuzz {
namespace {

// Images have more in their names than a letter and a number, but for these.
ResolvedImage image_of(const ImageRequest& request) {
  static const std::set<std::string, std::less<>> plain = {"alpine", "debian", "busybox", "a", "b"};
  if (request.reference.find_first_of(":/@") == std::string::npos &&
      !plain.contains(request.reference))
    throw Error("there is no image " + quoted(request.reference));
  ResolvedImage image;
  image.reference = request.reference;
  image.id = sha256(request.reference);
  image.config.platform = request.platform;
  return image;
}

// As a build finds them, but in all stages.
std::vector<Diagnostic> mistakes_of(const ParsedDockerfile& parsed) {
  LowerOptions options;
  options.build_platform = options.target_platform = {"linux", "amd64", ""};
  options.parse_triggers = parse_triggers;
  options.granted = every_entitlement();
  options.all_stages = true;
  try {
    require_no_mistakes(parsed.dockerfile, options, parsed.mistakes);
    lower(parsed.dockerfile, options, image_of);
  } catch (const Error& error) {
    return error.diagnostics();
  }
  return {};
}

ParsedDockerfile read(std::string text) {
  return read_dockerfile(
      std::make_shared<const SourceFile>(SourceFile{"Dockerfile", std::move(text)}));
}

// Mutates a valid Dockerfile; counts what was tried by kind.
void check_mutants(const ParsedDockerfile& valid, Choices& choices,
                   std::map<std::string, int>& tried) {
  for (const Mutant& mutant : mutants(valid.dockerfile, choices)) {
    ++tried[mutant.kind];
    const std::vector<Diagnostic> mistakes = mistakes_of(read(mutant.text));
    std::string said;
    for (const Diagnostic& each : mistakes) said += render(each, "error", false);
    const bool alone = mistakes.size() == 1 && mistakes[0].span.line == mutant.line &&
                       mistakes[0].span.column == mutant.column;
    CHECK_MESSAGE(alone, mutant.kind, " at ", mutant.line, ":", mutant.column, "\n", mutant.text,
                  "\n--- said:\n", said);
  }
}

}  // namespace

TEST_CASE("one mistake in a generated Dockerfile is one mistake, at its place") {
  std::map<std::string, int> tried;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Choices choices(seed);
    const ParsedDockerfile valid = read(random_dockerfile(choices));
    CAPTURE(seed);
    check_mutants(valid, choices, tried);
  }
  for (const char* kind : {"misspelt keyword", "misspelt flag", "misspelt mount key",
                           "misspelt mount type", "misspelt stage", "unclosed quote",
                           "unclosed brace", "unclosed heredoc", "dropped arguments"}) {
    CAPTURE(kind);
    CHECK(tried[kind] >= 5);
  }
}

TEST_CASE("one mistake in the Dockerfiles of the tests is one mistake, at its place") {
  std::map<std::string, int> tried;
  int files = 0;
  Choices choices(std::uint64_t{7});
  for (const char* folder : {"../frontend/cases", "../ir/cases"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::ifstream file(entry.path() / "Dockerfile", std::ios::binary);
      const ParsedDockerfile valid = read({std::istreambuf_iterator<char>(file), {}});
      // Some are there for their mistakes, or need options that are not here.
      if (!mistakes_of(valid).empty()) continue;
      ++files;
      CAPTURE(entry.path().string());
      check_mutants(valid, choices, tried);
    }
  }
  CHECK(files >= 60);
}

}  // namespace slipway::fuzz
