// Compares this frontend with what BuildKit's own tests record. Reads a tree of BuildKit's source,
// which is not stored here, and prints for each area how many outcomes are the same, and each other
// one. README.md explains those that remain.
#include "../comparison.hpp"
#include "buildkit_dump.hpp"
#include "cases.hpp"

#include <frontend/words.hpp>
#include <ir/expand.hpp>

#include <cstdio>
#include <functional>
#include <iostream>
#include <sstream>

namespace slipway::testing {
namespace {

namespace fs = std::filesystem;

std::string trimmed(const std::string& text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const std::size_t end = text.find_last_not_of(" \t\r\n") + 1;
  return text.substr(begin, end > begin ? end - begin : 0);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

void each_folder(const fs::path& folder, const std::function<void(const fs::path&)>& action) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  for (const fs::path& each : found) action(each);
}

// Each line that differs by itself.
void compare_trees(const std::string& name, const std::string& recorded,
                   const BuildkitOutcome& ours, Area& area) {
  const std::string text = ours.refused ? "refused: " + ours.text : trimmed(ours.text);
  if (recorded == text) return area.compare(name, recorded, text);
  const auto a = split(recorded, '\n');
  const auto b = split(text, '\n');
  std::size_t line = 0;
  while (line < a.size() && line < b.size() && a[line] == b[line]) ++line;
  area.compare(name + ", instruction " + std::to_string(line + 1),
               line < a.size() ? a[line] : "nothing", line < b.size() ? b[line] : "nothing");
}

int compare_files(const fs::path& parser) {
  Area area("parser/testfiles");
  each_folder(parser / "testfiles", [&](const fs::path& folder) {
    compare_trees(folder.filename(), trimmed(read_file(folder / "result")),
                  buildkit_dump(read_file(folder / "Dockerfile")), area);
  });
  return area.different();
}

int compare_refused(const fs::path& parser) {
  Area area("parser/testfiles-negative");
  each_folder(parser / "testfiles-negative", [&](const fs::path& folder) {
    std::string outcome = "taken";
    try {
      parse_dockerfile(source(read_file(folder / "Dockerfile")));
    } catch (const Error&) {
      outcome = "refused";
    }
    area.compare(folder.filename(), "refused", outcome);
  });
  return area.different();
}

// Nothing if the word has a mistake, in itself or in its value.
template <class Evaluate>
auto evaluated(const std::string& text, const Scope& scope, const Evaluate& evaluate)
    -> std::optional<decltype(evaluate(Word{}, scope))> {
  Report report;
  const Word word = read_word(Fragment(text, {}), '\\', report);
  if (!report.errors().empty()) return std::nullopt;
  try {
    return evaluate(word, scope);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// PLATFORM | word | value. The variables are those that the test that reads the file sets.
int compare_words(const fs::path& shell) {
  Area area("shell/envVarTest");
  Scope scope;
  scope.set("PWD", "/home");
  scope.set("SHELL", "bash");
  scope.set("KOREAN", "한국어");
  scope.set("NULL", "");
  int number = 0;
  for (const std::string& line : split(read_file(shell / "envVarTest"), '\n')) {
    ++number;
    const auto parts = split(line, '|');
    if (line.starts_with('#') || trimmed(line).empty() || trimmed(parts[0]) == "W") continue;
    const auto value =
        evaluated(trimmed(parts.at(1)), scope,
                  [](const Word& word, const Scope& in) { return expand(word, in).text; });
    area.compare("line " + std::to_string(number) + ": " + trimmed(parts[1]),
                 parts.size() > 2 ? trimmed(parts[2]) : "", value.value_or("error"));
  }
  return area.different();
}

// word | words, divided by commas; ENV lines set variables for what follows.
int compare_lists(const fs::path& shell) {
  Area area("shell/wordsTest");
  Scope scope;
  int number = 0;
  for (const std::string& line : split(read_file(shell / "wordsTest"), '\n')) {
    ++number;
    if (line.starts_with('#') || line.empty()) continue;
    if (line.starts_with("ENV ")) {
      const std::string pair = line.substr(line.find_first_not_of(' ', 3));
      const std::size_t equals = std::min(pair.find('='), pair.size());
      scope.set(pair.substr(0, equals), equals < pair.size() ? pair.substr(equals + 1) : "");
      continue;
    }
    const std::size_t bar = line.find('|');
    const auto list = evaluated(trimmed(line.substr(0, bar)), scope, expand_list);
    std::string text;
    if (list) {
      for (const std::string& word : *list) text += (text.empty() ? "" : ",") + word;
    }
    std::string recorded = line.substr(bar + 1);
    recorded.erase(0, std::min(recorded.find_first_not_of(' '), recorded.size()));
    area.compare("line " + std::to_string(number), recorded, list ? text : "error");
  }
  return area.different();
}

}  // namespace
}  // namespace slipway::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: compare_buildkit BUILDKIT_TREE\n", stderr);
    return 2;
  }
  using namespace slipway::testing;
  try {
    const fs::path frontend = fs::path(argv[1]) / "frontend" / "dockerfile";
    const int different = compare_files(frontend / "parser") +
                          compare_refused(frontend / "parser") + compare_words(frontend / "shell") +
                          compare_lists(frontend / "shell");
    return different == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "compare_buildkit: %s\n", error.what());
    return 2;
  }
}
