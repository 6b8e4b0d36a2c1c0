// slipway fmt: golden cases, and what has to hold for every Dockerfile there is.
#include "cases.hpp"
#include "conformance.hpp"
#include "dockerfiles.hpp"

#include "fuzz/choices.hpp"
#include "fuzz/dockerfile.hpp"
#include "fuzz/generator.hpp"

#include <frontend/format/format.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <sstream>

namespace slipway::testing {
namespace {

std::string formatted(const std::string& text) {
  return format_dockerfile(source(text)).text;
}

std::optional<Dockerfile> parsed(const std::string& text) {
  try {
    return parse_dockerfile(source(text)).dockerfile;
  } catch (const Error&) {
    return std::nullopt;
  }
}

// What a build of it would do: every definition digest, and the image's config.
std::string graph_of(const Dockerfile& dockerfile, std::optional<ImageConfig>& config) {
  std::string text;
  try {
    Lowered lowered = fuzz::lower_anywhere(dockerfile);
    for (std::uint32_t i = 0; i < lowered.graph.size(); ++i) {
      text += lowered.graph.definition(VertexId{i}).text() + "\n";
    }
    config = std::move(lowered.config);
  } catch (const Error& error) {
    text = "not lowered";
    for (const Diagnostic& each : error.diagnostics()) text += "\n" + each.message;
  }
  return text;
}

std::string with_carriage_returns(const std::string& text) {
  std::string windows;
  for (const char c : text) windows += c == '\n' ? "\r\n" : std::string(1, c);
  return windows;
}

// A small `patch`: it trusts the diff's numbers, and fails the test where lines do not fit.
std::string patched(const std::string& text, const std::string& diff) {
  const auto lines_of = [](const std::string& all) {
    std::vector<std::string> lines;
    std::istringstream in(all);
    for (std::string line; std::getline(in, line);) lines.push_back(line + (in.eof() ? "" : "\n"));
    return lines;
  };
  const std::vector<std::string> old_lines = lines_of(text);
  const std::vector<std::string> lines = lines_of(diff);
  std::string result;
  std::size_t at = 0;  // of the old lines
  for (std::size_t i = 2; i < lines.size(); ++i) {
    std::string line = lines[i];
    if (line.starts_with("@@ ")) {
      std::size_t begin = 0;
      std::size_t count = 1;
      char comma = 0;
      std::istringstream numbers(line.substr(4));
      numbers >> begin;
      if (numbers.peek() == ',') numbers >> comma >> count;
      const std::size_t first = count == 0 ? begin : begin - 1;
      REQUIRE(first >= at);
      while (at < first) result += old_lines[at++];
      continue;
    }
    if (line.starts_with('\\')) continue;
    if (i + 1 < lines.size() && lines[i + 1].starts_with("\\ No newline")) line.pop_back();
    if (line[0] != '+') {
      REQUIRE(at < old_lines.size());
      REQUIRE(old_lines[at] == line.substr(1));
      ++at;
    }
    if (line[0] != '-') result += line.substr(1);
  }
  while (at < old_lines.size()) result += old_lines[at++];
  return result;
}

// Outside of heredocs: nothing here that an editor would strip.
void check_clean(const std::string& text) {
  if (text.find("<<") != std::string::npos) return;
  CHECK(text.find("\n\n\n") == std::string::npos);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    // Behind an escape character it keeps the line from going on.
    const std::string last = line.substr(0, line.find_last_not_of(" \t\v\f\r") + 1);
    if (!last.ends_with('\\') && !last.ends_with('`')) CHECK(line == last);
  }
  CHECK(text.ends_with('\n'));
  CHECK_FALSE(text.ends_with("\n\n"));
}

}  // namespace

// A new case: write its Dockerfile, run with SLIPWAY_GOLDEN=write, read what was written.
TEST_CASE("a Dockerfile is formatted as the text that lies beside it") {
  const bool write = std::getenv("SLIPWAY_GOLDEN") != nullptr;
  int cases = 0;
  for (const auto& folder : std::filesystem::directory_iterator("format")) {
    CAPTURE(folder.path().string());
    const std::string text = read_file(folder.path() / "Dockerfile");
    const std::string result = formatted(text);
    const std::filesystem::path golden = folder.path() / "formatted";
    if (write && !std::filesystem::exists(golden)) std::ofstream(golden) << result;
    CHECK(result == read_file(golden));
    CHECK(formatted(result) == result);
    ++cases;
  }
  count_cases("formatted", cases);
}

TEST_CASE("whatever is formatted means the same, and formatting it again changes nothing") {
  int formatted_files = 0;
  for (const std::string& text : all_dockerfiles()) {
    const auto before = parsed(text);
    if (!before) continue;
    CAPTURE(text);
    std::string result;
    REQUIRE_NOTHROW(result = formatted(text));
    CAPTURE(result);
    REQUIRE(formatted(result) == result);
    std::optional<ImageConfig> config_before;
    std::optional<ImageConfig> config_after;
    REQUIRE(graph_of(*parsed(result), config_after) == graph_of(*before, config_before));
    REQUIRE(config_after == config_before);
    REQUIRE(patched(text, unified_diff(*source(text), format_dockerfile(source(text)))) == result);
    ++formatted_files;
  }
  CHECK(formatted_files > 500);
}

// What people never write: continuations, quotes, blanks and comments in any place.
TEST_CASE("whatever is written between two characters, formatting keeps what it means") {
  static const std::string inserts[] = {" ",
                                        "  ",
                                        "\t",
                                        "\\",
                                        "\\\n",
                                        " \\\n ",
                                        "\\ \n#c\n",
                                        "\n",
                                        "\r\n",
                                        "\r",
                                        "\n\n",
                                        "\n# c\n",
                                        "#",
                                        "\"",
                                        "'",
                                        "=",
                                        "--",
                                        "--x=",
                                        "[",
                                        "]",
                                        ",",
                                        "<<",
                                        "<<E\n",
                                        "\nE\n",
                                        "$",
                                        "`",
                                        "`\n",
                                        "\xc2\xa0",
                                        "\xff",
                                        "\v",
                                        "# escape=`\n",
                                        "\\\n\n\n",
                                        " \\\n# c=d\n\n",
                                        "\n \\\n",
                                        "\\ "};
  // Not all_dockerfiles(): a new case elsewhere is not to change what is tested here.
  std::vector<std::string> texts;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    fuzz::Choices choices(seed);
    texts.push_back(fuzz::random_dockerfile(choices));
  }
  const char* wanted = std::getenv("SLIPWAY_FORMAT_EDITS");
  const int rounds = wanted != nullptr ? std::atoi(wanted) : 200;
  int valid = 0;
  for (int round = 0; round < rounds; ++round) {
    fuzz::Choices choices(static_cast<std::uint64_t>(round));
    const auto any = [&](std::size_t count) {
      const std::size_t high = choices.below(256);
      return ((high << 16U) + (choices.below(256) << 8U) + choices.below(256)) % count;
    };
    std::string text = texts[any(texts.size())];
    if (text.size() > 2000) continue;
    for (std::size_t edits = 1 + choices.below(4); edits > 0; --edits) {
      const std::size_t at = any(text.size() + 1);
      if (choices.once_in(8)) text.erase(at, 1);
      text.insert(std::min(at, text.size()), choices.one_of(inserts));
    }
    const auto before = parsed(text);
    if (!before) continue;
    CAPTURE(round);
    CAPTURE(text);
    std::string result;
    REQUIRE_NOTHROW(result = formatted(text));
    CAPTURE(result);
    REQUIRE(formatted(result) == result);
    std::optional<ImageConfig> config_before;
    std::optional<ImageConfig> config_after;
    REQUIRE(graph_of(*parsed(result), config_after) == graph_of(*before, config_before));
    REQUIRE(config_after == config_before);
    ++valid;
  }
  CHECK(valid > rounds / 10);
}

TEST_CASE("the form does not depend on line ends or on a byte order mark") {
  for (const std::string& text : all_dockerfiles()) {
    if (!parsed(text) || text.find('\r') != std::string::npos) continue;
    CAPTURE(text);
    const std::string mark = "\xef\xbb\xbf";
    if (!text.starts_with(mark)) REQUIRE(formatted(mark + text) == formatted(text));
    if (text.find("<<") != std::string::npos) continue;  // the bodies of heredocs keep theirs
    // A flag whose quote does not end takes the carriage return in.
    if (std::count(text.begin(), text.end(), '"') % 2 != 0) continue;
    // So does what keeps an escape character from the end of its line.
    if (text.find_first_of("\v\f") != std::string::npos) continue;
    const std::string windows = with_carriage_returns(text);
    const auto tree = parsed(windows);
    if (!tree || print_ast(*tree) != print_ast(*parsed(text))) continue;
    REQUIRE(formatted(windows) == formatted(text));
  }
}

TEST_CASE("no white space is left at a line's end, and no two blank lines") {
  for (const std::string& text : all_dockerfiles()) {
    // The value of a flag whose quote does not end reaches to the end of its line.
    if (!parsed(text) || text.find("--") != std::string::npos) continue;
    CAPTURE(text);
    check_clean(formatted(text));
  }
}

TEST_CASE("a Dockerfile with mistakes is not formatted but reported, as a build does") {
  const auto report = [](const auto& action) {
    try {
      action();
    } catch (const Error& error) {
      return render(error, false);
    }
    return std::string();
  };
  int files = 0;
  for (const std::string& text : all_dockerfiles()) {
    if (parsed(text)) continue;
    CAPTURE(text);
    const std::string mistakes = report([&] { parse_dockerfile(source(text)); });
    REQUIRE(mistakes != "");
    REQUIRE(report([&] { format_dockerfile(source(text)); }) == mistakes);
    ++files;
  }
  CHECK(files > 20);
}

TEST_CASE("what does not read to the same is refused") {
  const Dockerfile before = *parsed("FROM a\nRUN b  c\nCOPY d \\\n  # e\n  /\n# f\n");
  CHECK_NOTHROW(require_same_meaning(before, "from a\n\nRUN b  c\n# e\nCOPY d /\n# f"));
  for (const char* after : {"FROM a\nRUN b c\nCOPY d /\n# e\n# f\n",    // a blank of the command
                            "FROM a\nRUN b  c\nCOPY D /\n# e\n# f\n",   // a word
                            "FROM a\nRUN b  c\nCOPY d /\n# f\n",        // a comment
                            "FROM a\nRUN b  c\nCOPY d /\n# f\n# e\n",   // their order
                            "FROM a\nRUN b  c\nCOPY d /\n# e\n# ff\n",  // what one says
                            "# check=skip=all\nFROM a\nRUN b  c\nCOPY d /\n# e\n# f\n",
                            "FROM a\nRUN b  c\nCOPY d\n# e\n# f\n", "# e\n# f\n"}) {
    CAPTURE(after);
    CHECK_THROWS_AS(require_same_meaning(before, after), Error);
  }
}

TEST_CASE("a diff shows three lines around a change, joins near ones and leaves out the rest") {
  std::string text = "FROM a\n";
  for (int i = 0; i < 30; ++i) {
    text += (i == 5 || i == 12 || i == 25 ? "run " : "RUN ") + std::to_string(i) + "\n";
  }
  const auto file = source(text + "RUN end");
  CHECK(
      unified_diff(*file, format_dockerfile(file)) ==
      "--- Dockerfile\n+++ Dockerfile\n"
      "@@ -4,14 +4,14 @@\n RUN 2\n RUN 3\n RUN 4\n-run 5\n+RUN 5\n RUN 6\n RUN 7\n RUN 8\n RUN 9\n"
      " RUN 10\n RUN 11\n-run 12\n+RUN 12\n RUN 13\n RUN 14\n RUN 15\n"
      "@@ -24,9 +24,9 @@\n RUN 22\n RUN 23\n RUN 24\n-run 25\n+RUN 25\n RUN 26\n RUN 27\n RUN 28\n"
      " RUN 29\n-RUN end\n\\ No newline at end of file\n+RUN end\n");
  const auto clean = source("FROM a\n");
  CHECK(unified_diff(*clean, format_dockerfile(clean)).empty());
  const auto blanks = source("\n\n\nFROM a\n");
  CHECK(unified_diff(*blanks, format_dockerfile(blanks)) ==
        "--- Dockerfile\n+++ Dockerfile\n@@ -1,4 +1 @@\n-\n-\n-\n FROM a\n");
}

TEST_CASE("time grows with the text, in long lines and in many") {
  const auto time_of = [](const std::string& text) {
    const auto begin = std::chrono::steady_clock::now();
    const auto file = source(text);
    unified_diff(*file, format_dockerfile(file));
    return std::chrono::steady_clock::now() - begin;
  };
  const auto repeated = [](const std::string& part, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += part;
    return text;
  };
  const std::pair<std::string, std::string> shapes[] = {
      {"FROM a\nRUN ", "x  y "},
      {"FROM a\nRUN x", " \\\n # c\n\n \\\n  \\\n y"},
      {"FROM a\nENV a=b", "  \\\n  c=\"d \\\n e\""},
      {"FROM a\nCMD [\"a\"", " , \\\n # c\n \"b\" "},
      {"FROM a\n", "\n\n# c\n \\\n# d\ncopy a  b\n"},
      {"FROM a\n", "RUN <<E\nx\nE\n"},
      {"", "\n \n"},
  };
  for (const auto& [head, part] : shapes) {
    CAPTURE(part);
    const std::string tail = part.starts_with(" , ") ? "]\n" : head.empty() ? "FROM a\n" : "\n";
    const auto once = time_of(head + repeated(part, 8'000) + tail);
    CHECK(time_of(head + repeated(part, 64'000) + tail) <
          32 * once + std::chrono::milliseconds(300));
  }
}

}  // namespace slipway::testing
