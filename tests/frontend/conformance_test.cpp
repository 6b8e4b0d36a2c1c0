// The conformance table, conformance/AREA.txt or AREA-PART.txt; its README has the format.
#include "conformance.hpp"
#include "cases.hpp"
#include "conformance_checks.hpp"

#include "ir/dockerfiles.hpp"

#include <doctest/doctest.h>

#include <ir/dump.hpp>
#include <ir/lower.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <sstream>
#include <string_view>

namespace slipway::testing {
namespace {

using Lines = std::vector<std::string>;

struct Case {
  std::string fact;
  int line = 0;  // of the fact, in the area's file
  std::string dockerfile;
  Lines expected;
};

// "error 2:5 the message" or "warning ...", and its hint.
struct Said {
  std::string text;
  std::string hint;
};

struct Outcome {
  Lines tree;   // the lines of --print=ast, without indentation
  Lines graph;  // the same of --print=graph
  std::vector<Said> said;
  Lines found;  // of the build checks: "finding RULE 2:5-2:9 message", then "lines" and "hint"
};

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin);
}

Lines lines_of(const std::string& text) {
  Lines lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(trimmed(line));
  return lines;
}

// What no editor shows or keeps is written as a sign.
std::string with_signs_replaced(std::string text) {
  const std::pair<std::string, std::string> signs[] = {
      {"␍", "\r"}, {"␉", "\t"}, {"␠", " "}, {"␀", std::string(1, '\0')}, {"␃\n", ""}};
  for (const auto& [sign, meaning] : signs) {
    for (std::size_t at = text.find(sign); at != std::string::npos; at = text.find(sign, at)) {
      text.replace(at, sign.size(), meaning);
      at += meaning.size();
    }
  }
  // ‹ff› is that byte.
  const std::string open = "‹";
  for (std::size_t at = text.find(open); at != std::string::npos; at = text.find(open, at)) {
    const std::string digits = text.substr(at + open.size(), 2);
    text.replace(at, 2 * open.size() + 2, 1, static_cast<char>(std::stoi(digits, nullptr, 16)));
    ++at;
  }
  return text;
}

std::vector<Case> read_cases(const std::filesystem::path& path) {
  std::vector<Case> cases;
  std::istringstream in(read_file(path));
  bool expecting = false;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.starts_with("=== ")) {
      cases.push_back({line.substr(4), number, "", {}});
      expecting = false;
    } else if (cases.empty()) {
      REQUIRE_MESSAGE((line.empty() || line.starts_with('#')), path.string(), ": ", line);
    } else if (line == "---") {
      expecting = true;
    } else if (!expecting) {
      cases.back().dockerfile += line + "\n";
    } else if (!line.empty()) {
      cases.back().expected.push_back(trimmed(line));
    }
  }
  for (Case& each : cases) {
    each.dockerfile = with_signs_replaced(std::move(each.dockerfile));
    for (std::string& line : each.expected) line = with_signs_replaced(std::move(line));
  }
  return cases;
}

void say(const std::vector<Diagnostic>& diagnostics, const std::string& severity, Outcome& to) {
  for (const Diagnostic& each : diagnostics) {
    to.said.push_back({severity + " " + std::to_string(each.span.line) + ":" +
                           std::to_string(each.span.column) + " " + each.message,
                       each.hint});
  }
}

// `lower NAME=VALUE ...` asks for the mistakes of values and the graph as well, with these build
// arguments.
void lower_to(Outcome& outcome, const ParsedDockerfile& parsed, const std::string& arguments) {
  LowerOptions options = amd64_options();
  options.parse_triggers = parse_triggers;
  options.granted = every_entitlement();
  std::istringstream words(arguments);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    options.build_args[word.substr(0, equals)] = word.substr(equals + 1);
  }
  require_no_mistakes(parsed.dockerfile, options, parsed.mistakes);
  ImageShelf shelf;
  shelf.put("debian").put("debian:bookworm").put("alpine").put("busybox");
  const Lowered lowered = lower(parsed.dockerfile, options, shelf.resolver());
  outcome.graph = lines_of(dump(lowered));
  say(lowered.warnings, "warning", outcome);
}

bool is_lower(const std::string& line) { return line == "lower" || line.starts_with("lower "); }

Outcome outcome_of(const Case& each) {
  Outcome outcome;
  try {
    const ParsedDockerfile parsed = read_dockerfile(source(each.dockerfile));
    const bool wants_lowering =
        std::any_of(each.expected.begin(), each.expected.end(), is_lower);
    if (asks_for_checks(each.expected)) {
      const CheckOutcome checked = check(parsed, each.expected);
      say(checked.mistakes, "error", outcome);
      say(checked.warnings, "warning", outcome);
      outcome.found = checked.found;
    } else if (!wants_lowering) {
      parsed.mistakes.throw_if_any();
    }
    if (parsed.mistakes.empty()) {
      outcome.tree = lines_of(print_ast(parsed.dockerfile));
      say(parsed.warnings, "warning", outcome);
    }
    for (const std::string& line : each.expected) {
      if (is_lower(line)) lower_to(outcome, parsed, line.substr(5));
    }
  } catch (const Error& error) {
    say(error.diagnostics(), "error", outcome);
  }
  return outcome;
}

std::string without_span(const std::string& line) {
  const std::size_t bracket = line.rfind(" [");
  return line.ends_with(']') && bracket != std::string::npos ? line.substr(0, bracket) : line;
}

// The place of the next line that is `wanted`, with its span or without; the end if there is none.
std::size_t find_line(const Lines& lines, std::size_t from, const std::string& wanted) {
  while (from < lines.size() && lines[from] != wanted && without_span(lines[from]) != wanted) {
    ++from;
  }
  return from;
}

// What is not as expected; empty if all is.
std::string difference(const Case& expected, const Outcome& outcome) {
  std::size_t tree = 0;
  std::size_t said = 0;
  std::size_t found = 0;
  bool exactly = false;
  if (expected.expected.empty()) return "nothing is expected";
  for (const std::string& line : expected.expected) {
    const std::string kind = line.substr(0, line.find(' '));
    const std::string rest = line.size() > kind.size() ? line.substr(kind.size() + 1) : "";
    if (kind == "ast") {
      const std::size_t at = find_line(outcome.tree, tree, rest);
      if (at == outcome.tree.size()) return "not in the tree, or not here: " + rest;
      if (exactly && at != tree) return "not expected: " + outcome.tree[tree];
      tree = at + 1;
    } else if (kind == "exactly") {
      exactly = true;
      tree = 1;  // behind "Dockerfile"
    } else if (kind == "without") {
      for (const std::string& each : outcome.tree) {
        if (each.find(rest) != std::string::npos) return "in the tree: " + each;
      }
    } else if (kind == "graph") {
      if (find_line(outcome.graph, 0, rest) == outcome.graph.size()) {
        return "not in the graph: " + rest;
      }
    } else if (kind == "error" || kind == "warning") {
      if (said == outcome.said.size() || outcome.said[said].text != line)
        return "not said: " + line;
      ++said;
    } else if (kind == "finding" || kind == "lines" || (kind == "hint" && found > 0)) {
      // What to do about a finding is worth a line only where it matters.
      if (kind != "hint" && found < outcome.found.size() &&
          outcome.found[found].starts_with("hint"))
        ++found;
      if (found == outcome.found.size() || outcome.found[found] != line)
        return "not found: " + line;
      ++found;
    } else if (kind == "hint") {
      if (said == 0 || outcome.said[said - 1].hint != rest) return "not the hint: " + rest;
    } else if (kind != "ok" && kind != "lower" && !is_check_word(kind)) {
      return "unknown expectation: " + line;
    }
  }
  if (exactly && tree != outcome.tree.size()) return "not expected: " + outcome.tree[tree];
  if (said != outcome.said.size()) return "not expected: " + outcome.said[said].text;
  if (found < outcome.found.size() && outcome.found[found].starts_with("hint")) ++found;
  if (found != outcome.found.size()) return "not expected: " + outcome.found[found];
  return "";
}

std::string as_expectations(const Outcome& outcome) {
  std::string text;
  for (std::size_t i = 1; i < outcome.tree.size(); ++i) text += "ast " + outcome.tree[i] + "\n";
  for (const std::string& line : outcome.graph) text += "graph " + line + "\n";
  for (const Said& each : outcome.said) {
    text += each.text + "\n" + (each.hint.empty() ? "" : "  hint " + each.hint + "\n");
  }
  for (const std::string& line : outcome.found) text += line + "\n";
  return text;
}

// How many cases each area has; printed when the program ends.
struct Tally {
  ~Tally() {
    int total = 0;
    std::string text = "conformance: ";
    for (const auto& [area, count] : counts) {
      text += area + " " + std::to_string(count) + " cases, ";
      total += count;
    }
    if (total > 0) std::cout << text << "together " << total << "\n";
  }
  std::map<std::string, int> counts;
};
Tally tally;

}  // namespace

void count_cases(const std::string& area, int cases) {
  tally.counts[area] += cases;
}

std::vector<std::string> conformance_dockerfiles() {
  std::vector<std::string> texts;
  for (const auto& entry : std::filesystem::directory_iterator("conformance")) {
    if (entry.path().extension() != ".txt") continue;
    for (Case& each : read_cases(entry.path())) texts.push_back(std::move(each.dockerfile));
  }
  return texts;
}

TEST_CASE("every case of the conformance table ends as it says") {
  for (const auto& entry : std::filesystem::directory_iterator("conformance")) {
    if (entry.path().extension() != ".txt") continue;
    const std::string stem = entry.path().stem().string();
    const std::vector<Case> cases = read_cases(entry.path());
    count_cases(stem.substr(0, stem.find('-')), static_cast<int>(cases.size()));
    for (const Case& each : cases) {
      const Outcome outcome = outcome_of(each);
      const std::string wrong = difference(each, outcome);
      CHECK_MESSAGE(wrong.empty(), entry.path().string(), ":", each.line, ": ", each.fact, "\n",
                    wrong, "\nit was:\n", as_expectations(outcome));
    }
  }
}

}  // namespace slipway::testing
