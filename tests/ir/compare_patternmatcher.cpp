// Compares ir/pattern with what the tests of moby/patternmatcher record. Reads a tree of its
// source, which is not stored here, and prints for each area how many outcomes are the same, and
// every other one.
#include "../comparison.hpp"

#include <frontend/parse.hpp>
#include <ir/error.hpp>
#include <ir/pattern.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace slipway::testing {
namespace {

namespace fs = std::filesystem;
using Patterns = std::vector<std::string>;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

// A Go string literal, as a regular expression and as its value.
const std::string literal = R"re(("(?:[^"\\]|\\.)*"|`[^`]*`))re";

std::string value_of(const std::string& go) {
  const std::string inside = go.substr(1, go.size() - 2);
  if (go.front() == '`') return inside;
  std::string value;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '\\' && i + 1 < inside.size()) {
      const char c = inside[++i];
      value += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    } else {
      value += inside[i];
    }
  }
  return value;
}

std::vector<std::smatch> all(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  return {std::sregex_iterator(text.begin(), text.end(), expression), std::sregex_iterator()};
}

Patterns literals(const std::string& text) {
  Patterns values;
  for (const std::smatch& found : all(text, literal)) values.push_back(value_of(found[1]));
  return values;
}

// The text from `begin` to the first `end` behind it.
std::string part(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  if (from == std::string::npos) throw std::runtime_error("there is no " + begin);
  return text.substr(from, text.find(end, from) - from);
}

std::string verdict(const Patterns& patterns, const std::string& path) {
  try {
    return IgnoreRules(patterns).excluded(path) ? "true" : "false";
  } catch (const Error&) {
    return "error";
  }
}

std::string shown(const Patterns& patterns, const std::string& path) {
  std::string text = path + " by";
  for (const std::string& pattern : patterns) text += " " + pattern;
  return text;
}

int compare_rows(const std::string& source) {
  Area area("TestMatches");
  const std::string rows = part(source, "func TestMatches(", "t.Run(");
  for (const std::smatch& row : all(rows, "\\{" + literal + ", " + literal + ", (true|false)\\}")) {
    const Patterns patterns{value_of(row[1])};
    area.compare(shown(patterns, value_of(row[2])), row[3], verdict(patterns, value_of(row[2])));
  }
  for (const std::smatch& row :
       all(rows, "\\{\\[\\]string\\{([^}]*)\\}, " + literal + ", (true|false)\\}")) {
    const Patterns patterns = literals(row[1]);
    area.compare(shown(patterns, value_of(row[2])), row[3], verdict(patterns, value_of(row[2])));
  }
  return area.failures();
}

int compare_match(const std::string& source) {
  Area area("TestMatch");
  const std::string rows = part(source, "var matchTests", "\n}");
  for (const std::smatch& row :
       all(rows, "\\{" + literal + ", " + literal + ", (true|false), (nil|filepath\\.\\w+)\\}")) {
    const Patterns patterns{value_of(row[1])};
    area.compare(shown(patterns, value_of(row[2])), row[4] == "nil" ? row[3].str() : "error",
                 verdict(patterns, value_of(row[2])));
  }
  return area.failures();
}

// Tests of one call each: what they complain about is the opposite of what they want.
int compare_calls(const std::string& source) {
  Area area("single calls");
  for (const std::smatch& call :
       all(source, "Matches\\(" + literal + ", \\[\\]string\\{([^}]*)\\}\\)")) {
    const Patterns patterns = literals(call[2]);
    const std::string behind = call.suffix().str().substr(0, 120);
    const std::string wanted = behind.find("err == nil") != std::string::npos  ? "error"
                               : behind.find("if !match") != std::string::npos ? "true"
                                                                               : "false";
    area.compare(shown(patterns, value_of(call[1])), wanted, verdict(patterns, value_of(call[1])));
  }
  for (const std::smatch& call : all(source, "New\\(\\[\\]string\\{(\"[^}]*)\\}\\)")) {
    const Patterns patterns = literals(call[1]);
    area.compare(shown(patterns, "x"), "error", verdict(patterns, "x"));
  }
  for (const std::smatch& list : all(source, "patterns := \\[\\]string\\{([^}]*)\\}")) {
    const Patterns patterns = literals(list[1]);
    const std::string behind = list.suffix().str().substr(0, 120);
    const bool refused = behind.find("err == nil") != std::string::npos;
    const bool comes_back =
        part(list.suffix().str(), "\n", "\n}").find("Exclusions()") != std::string::npos;
    std::string ours = verdict(patterns, "docs/a");
    if (comes_back)
      ours += IgnoreRules(patterns).may_reinclude_below("docs") ? ", but not all" : "";
    area.compare(shown(patterns, "docs/a"),
                 refused      ? "error"
                 : comes_back ? "true, but not all"
                              : "true",
                 ours);
  }
  return area.failures();
}

// The regular expressions that they expect, tried on many paths. A path is out if it or something
// above it matches.
int compare_expressions(const std::string& source) {
  Area area("TestCompile, on paths");
  const std::vector<std::string> paths = {
      "file",      "afile",   "file.txt",  "filetxt",   "dir/file",    "dir/file1txt", "a/b",
      "ab/b",      "axx/b",   "a/x/b",     "dir",       "dir2",        "dir/dir2",     "dir/dir2/x",
      "dir2/x/y",  "x.txt",   "d/e/f.txt", "d/.txt",    "ace",         "aae",          "ade",
      ".foo",      ".",       "foo",       "abc.def",   "abc?def",     "abcZdef",      "abcdef",
      "b/foo/bar", "foo/bar", "xfoo/bar",  "a(b)c/def", "a.|)$(}+{bc", "dist/x"};
  const std::string rows = part(source, "var compileTests", "\n}");
  for (const std::smatch& row :
       all(rows, "\\{" + literal + ", regexpMatch, " + literal + ", " + literal + "\\}")) {
    const std::regex expression(value_of(row[2]));
    for (const std::string& path : paths) {
      if (path == ".") continue;  // never asked: it is the context itself
      bool matches = std::regex_search(path, expression);
      for (std::size_t slash = path.find('/'); slash != std::string::npos;
           slash = path.find('/', slash + 1))
        matches = matches || std::regex_search(path.substr(0, slash), expression);
      const Patterns patterns{value_of(row[1])};
      area.compare(shown(patterns, path), matches ? "true" : "false", verdict(patterns, path));
    }
  }
  return area.failures();
}

int compare_file(const std::string& source) {
  Area area("ignorefile, TestReadAll");
  const std::string text = literals(part(source, "const content = ", "expected")).at(0);
  std::string expected = part(source, "expected := ", "\n\t}");
  expected = std::regex_replace(expected, std::regex(" //[^\n]*"), "");
  const Patterns wanted = literals(expected);
  const Patterns ours = parse_dockerignore(text);
  for (std::size_t i = 0; i < std::max(wanted.size(), ours.size()); ++i)
    area.compare("pattern " + std::to_string(i + 1), i < wanted.size() ? wanted[i] : "nothing",
                 i < ours.size() ? ours[i] : "nothing");
  return area.failures();
}

}  // namespace
}  // namespace slipway::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: compare_patternmatcher PATTERNMATCHER_TREE\n", stderr);
    return 2;
  }
  using namespace slipway::testing;
  try {
    const fs::path tree = argv[1];
    const std::string source = read_file(tree / "patternmatcher_test.go");
    const int different = compare_rows(source) + compare_match(source) + compare_calls(source) +
                          compare_expressions(source) +
                          compare_file(read_file(tree / "ignorefile" / "ignorefile_test.go"));
    return different == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "compare_patternmatcher: %s\n", error.what());
    return 2;
  }
}
