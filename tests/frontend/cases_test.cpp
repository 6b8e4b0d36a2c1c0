#include "cases.hpp"
#include "conformance.hpp"

#include "ir/dockerfiles.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

namespace slipway::testing {
namespace {

// What parsing says: the tree and warnings, or all mistakes, as a user would see them.
struct Outcome {
  std::string file;  // ast.txt or error.txt
  std::string text;
};

Outcome outcome_of(const std::string& dockerfile) {
  try {
    const ParsedDockerfile parsed = read_dockerfile(source(dockerfile));
    LowerOptions options = amd64_options();
    options.parse_triggers = parse_triggers;
    if (!parsed.mistakes.empty()) {
      require_no_mistakes(parsed.dockerfile, options, parsed.mistakes);
    }
    std::string text = print_ast(parsed.dockerfile);
    for (const Diagnostic& warning : parsed.warnings) text += render(warning, "warning", false);
    return {"ast.txt", text};
  } catch (const Error& error) {
    return {"error.txt", render(error, false)};
  }
}

}  // namespace

// A new case: write its Dockerfile, run with SLIPWAY_GOLDEN=write, read what was written.
TEST_CASE("every case gives the tree or the mistakes that lie beside it") {
  const bool write = std::getenv("SLIPWAY_GOLDEN") != nullptr;
  for (const auto& folder : case_folders()) {
    CAPTURE(folder.string());
    const Outcome outcome = outcome_of(read_file(folder / "Dockerfile"));
    const std::filesystem::path golden = folder / outcome.file;
    if (write && !std::filesystem::exists(golden)) std::ofstream(golden) << outcome.text;
    CHECK_MESSAGE(std::filesystem::exists(golden), "the case was to end otherwise:\n", outcome.text);
    CHECK(outcome.text == read_file(golden));
    CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 2);
  }
  count_cases("trees", static_cast<int>(case_folders().size()));
}

TEST_CASE("a byte order mark changes the bytes, not the outcome") {
  for (const auto& folder : case_folders()) {
    CAPTURE(folder.string());
    const std::string text = read_file(folder / "Dockerfile");
    CHECK(outcome_of("\xef\xbb\xbf" + text).text == outcome_of(text).text);
  }
}

TEST_CASE("lines that end as on Windows change the bytes, not the outcome") {
  for (const auto& folder : case_folders()) {
    CAPTURE(folder.string());
    const std::string text = read_file(folder / "Dockerfile");
    if (text.find("<<") != std::string::npos) continue;  // the body of a heredoc keeps them
    std::string windows;
    for (const char c : text) windows += c == '\n' ? "\r\n" : std::string(1, c);
    CHECK(outcome_of(windows).text == outcome_of(text).text);
  }
}

}  // namespace slipway::testing
