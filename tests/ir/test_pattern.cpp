#include <ir/error.hpp>
#include <ir/pattern.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace slipway;

namespace {

// The verdict of a walk that goes down to the path and hands each directory's result on.
bool excluded_by_walk(const IgnoreRules& rules, const std::string& path) {
  IgnoreRules::Parent parent;
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    IgnoreRules::Parent own;
    rules.excluded(path.substr(0, slash), &parent, &own);
    parent = own;
  }
  return rules.excluded(path, &parent);
}

struct Verdict {
  std::vector<std::string> rules;
  std::string path;
  bool excluded;
};

}  // namespace

TEST_CASE("a path matches a pattern as Go's filepath.Match says") {
  struct Row {
    const char* pattern;
    const char* path;
    bool matches;
  };
  const Row rows[] = {
      {"abc", "abc", true},
      {"*", "abc", true},
      {"*c", "abc", true},
      {"a*", "a", true},
      {"a*", "ab/c", false},
      {"a*/b", "abc/b", true},
      {"a*/b", "a/c/b", false},
      {"a*b*c/f", "axbxcx/f", false},
      {"a*b*c/f", "axbxc/f", true},
      {"a*b*c*/f", "axbxcxx/f", true},
      {"a*b?c*x", "abxbbxdbxebxczzx", true},
      {"a*b?c*x", "abxbbxdbxebxczzy", false},
      {"ab[c]", "abc", true},
      {"ab[b-d]", "abc", true},
      {"ab[^c]", "abc", false},
      {"ab[^e-g]", "abc", true},
      {"a\\*b", "a*b", true},
      {"a\\*b", "ab", false},
      {"a?b",
       "a\xE2\x98\xBA"
       "b",
       true},
      {"a[^a]b",
       "a\xE2\x98\xBA"
       "b",
       true},
      {"a???b",
       "a\xE2\x98\xBA"
       "b",
       false},
      {"[a-\xCE\xB6]*", "\xCE\xB1", true},
      {"a?b", "a/b", false},
      {"a*b", "a/b", false},
      {"[\\]a]", "]", true},
      {"[\\-]", "-", true},
      {"[x\\-]", "-", true},
      {"[x\\-]", "z", false},
      {"[\\-x]", "a", false},
      {"*x", "xxx", true},
      {"", "", true},
      {"*", "", true},
      {"?", "", false},
      {"a[^x]b", "a/b", true},
      {"]", "]", true},
      {"**", "a/b", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    CAPTURE(row.path);
    CHECK(match_path(row.pattern, row.path) == row.matches);
  }
}

TEST_CASE("what is no pattern is refused, wherever the mistake stands") {
  for (const char* pattern : {"[", "[a", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "a[", "\\",
                              "x*[", "[^", "[^bc", "[\\", "[a-\\", "[\xFF]"}) {
    CAPTURE(pattern);
    CHECK_THROWS_AS(match_path(pattern, "nothing like it"), Error);
    CHECK_THROWS_AS(IgnoreRules({pattern}), Error);
  }
  // Only an ignore rule: docker makes a regular expression of it, which such a range does not fit.
  CHECK_THROWS_AS(IgnoreRules({"[z-a]"}), Error);
  CHECK_FALSE(match_path("[z-a]", "m"));
  CHECK_THROWS_WITH_AS(IgnoreRules({"a", "", "!"}),
                       "line 3: pattern \"!\" is malformed: nothing follows '!'", Error);
}

TEST_CASE("wildcards are seen unless escaped") {
  CHECK(has_wildcards("*.c"));
  CHECK(has_wildcards("a?"));
  CHECK(has_wildcards("[a]"));
  CHECK(has_wildcards("\\\\*"));
  CHECK_FALSE(has_wildcards("a.c"));
  CHECK_FALSE(has_wildcards("\\*\\?\\["));
  CHECK_FALSE(has_wildcards("a\\"));
}

TEST_CASE("ignore rules decide as docker's do, alone and in a walk") {
  const Verdict verdicts[] = {
      // One rule. ** crosses directories, a rule covers what lies below its match.
      {{"**"}, "file", true},
      {{"**"}, "dir/file", true},
      {{"**/"}, "dir/file", true},
      {{"**/**"}, "dir/file", true},
      {{"dir/**"}, "dir/file", true},
      {{"dir/**"}, "dir/dir2/file", true},
      {{"dir/**"}, "dir", false},
      {{"**/dir"}, "dir", true},
      {{"**/dir"}, "dir/file", true},
      {{"**/dir2/*"}, "dir/dir2/file", true},
      {{"**/dir2/**"}, "dir/dir2/dir3/file", true},
      {{"**file"}, "dir/dir/file", true},
      {{"**file"}, "dir/afile", true},
      {{"**/file"}, "dir/afile", false},
      {{"**/file*txt"}, "dir/dir/file.txt", true},
      {{"**/**/*.txt"}, "dir/dir/file.txt", true},
      {{"**/**/*.txt"}, "file.txt", true},
      {{"**/**/*.txt2"}, "dir/dir/file.txt", false},
      {{"**/*.txt"}, "file.txt", true},
      {{"a**/*.txt"}, "a/dir/dir/file.txt", true},
      {{"a**b"}, "a/x/b", true},
      {{"a**b"}, "axb", false},
      {{"a/*.txt"}, "a/dir/file.txt", false},
      {{"a/*.txt"}, "a/file.txt", true},
      {{"a/*.txt**"}, "a/file.txt", true},
      {{"a[b-d]e"}, "ace", true},
      {{"a[b-d]e"}, "aae", false},
      {{"a[^b-d]e"}, "aze", true},
      {{"[!g]o"}, "go", true},  // no negation: a '!' or a 'g'
      {{"[!g]o"}, "xo", false},
      {{".*"}, ".foo", true},
      {{".*"}, "foo", false},
      {{"abc.def"}, "abcZdef", false},
      {{"abc?def"}, "abcZdef", true},
      {{"a\\\\"}, "a\\", true},
      {{"a\\*b"}, "a*b", true},
      {{"a\\*b"}, "axb", false},
      {{"**/foo/bar"}, "dir/dir2/foo/bar", true},
      {{"**/.foo"}, "bar.foo", false},
      {{"a.|)$(}+{bc"}, "a.|)$(}+{bc", true},
      {{"dist/*.whl"}, "dist/p-2.4.0rc3+g0-py3.whl", true},
      {{"a.txt/"}, "a.txt", true},
      {{" docs "}, "docs/x", true},
      {{"./a/../b"}, "b", true},
      // A leading '/' is for whoever reads the file to take away, as docker's reader does.
      {{"/a"}, "a", false},
      // Several: the last one that matches wins.
      {{}, "a", false},
      {{"*.go", "!f.go"}, "f.go", false},
      {{"!f.go", "*.go"}, "f.go", true},
      {{"docs", "!docs/README.md"}, "docs/README.md", false},
      {{"docs", "!docs/README.md"}, "docs/other", true},
      {{"docs/*", "!docs/README.md"}, "docs/README.md", false},
      {{"**", "!util/docker/web"}, "util/docker/web/foo", false},
      {{"**", "!util/docker/web", "util/docker/web/foo"}, "util/docker/web/foo", true},
      {{"**", "!dist/*.whl"}, "dist/p-2.4.whl", false},
      {{"*", "!a*", "ab"}, "ab", true},
      {{"*", "!a*", "ab"}, "ac", false},
      // A rule that could change nothing for the directory does not count for what lies below.
      {{"a/b", "!a"}, "a/b", true},
  };
  for (const Verdict& verdict : verdicts) {
    CAPTURE(verdict.rules);
    CAPTURE(verdict.path);
    const IgnoreRules rules(verdict.rules);
    CHECK(rules.excluded(verdict.path) == verdict.excluded);
    CHECK(excluded_by_walk(rules, verdict.path) == verdict.excluded);
  }
}

TEST_CASE("every verdict of ignore_cases.txt is ours") {
  std::ifstream in("ignore_cases.txt");
  REQUIRE(in);
  int cases = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    CAPTURE(line);
    ++cases;
    std::istringstream words(line);
    std::string wanted;
    std::string path;
    words >> wanted >> path;
    std::vector<std::string> patterns;
    for (std::string pattern; words >> pattern;) patterns.push_back(pattern);
    if (wanted == "bad") {
      CHECK_THROWS_AS(IgnoreRules{patterns}, Error);
      continue;
    }
    REQUIRE((wanted == "in" || wanted == "out"));
    const IgnoreRules rules(patterns);
    CHECK(rules.excluded(path) == (wanted == "out"));
    // A walk never meets the others.
    if (!path.starts_with('/') && !path.ends_with('/'))
      CHECK(excluded_by_walk(rules, path) == (wanted == "out"));
  }
  CHECK(cases >= 140);
}

TEST_CASE("thousands of rules are looked up, not tried one by one, and say what few would say") {
  // Each kind of rule, so that each way of finding one is used.
  std::vector<std::string> patterns;
  for (int i = 0; i < 2500; ++i) {
    const std::string n = std::to_string(i);
    patterns.push_back("dir" + n + "/file" + n);
    patterns.push_back("**/name" + n);
    patterns.push_back("*.end" + n);
    patterns.push_back("top" + n + "/**");
  }
  patterns.push_back("!**/keep.*");
  const IgnoreRules rules(patterns);
  CHECK(rules.excluded("dir7/file7"));
  CHECK_FALSE(rules.excluded("dir7/file8"));
  CHECK(rules.excluded("a/b/name2499/c"));
  CHECK(rules.excluded("x.end12"));
  CHECK_FALSE(rules.excluded("a/x.end12"));
  CHECK(rules.excluded("top3/a/b"));
  CHECK_FALSE(rules.excluded("top3/a/keep.c"));
  CHECK(rules.deciding_rule("top3/a/b") == 15);

  // One by one it would be a thousand million matches.
  int excluded = 0;
  IgnoreRules::Parent parent;
  rules.excluded("top1", nullptr, &parent);
  for (int i = 0; i < 100'000; ++i) {
    IgnoreRules::Parent own;
    excluded += rules.excluded("top1/f" + std::to_string(i), &parent, &own) ? 1 : 0;
  }
  CHECK(excluded == 100'000);
}

TEST_CASE("the deciding rule is counted in the list that was given") {
  const IgnoreRules rules({"", "*.md", "!README.md", "docs"});
  CHECK(rules.deciding_rule("README.md") == 2);
  CHECK(rules.deciding_rule("a.md") == 1);
  CHECK(rules.deciding_rule("docs/x") == 3);
  CHECK_FALSE(rules.deciding_rule("a.c"));
}

TEST_CASE("a walk enters an excluded directory only where something may come back") {
  const IgnoreRules rules({"**", "!a/b/*.c", "!x", "!y/**/z"});
  CHECK(rules.may_reinclude_below("a"));
  CHECK(rules.may_reinclude_below("a/b"));
  CHECK_FALSE(rules.may_reinclude_below("a/c"));
  CHECK_FALSE(rules.may_reinclude_below("x"));
  CHECK(rules.may_reinclude_below("y/deep/down"));
  CHECK_FALSE(rules.may_reinclude_below("other"));
  CHECK(IgnoreRules({"*", "!**/keep"}).may_reinclude_below("anything"));
  CHECK_FALSE(IgnoreRules({"*"}).may_reinclude_below("anything"));
  CHECK(IgnoreRules(std::vector<std::string>{}).empty());
}

TEST_CASE("mean patterns end") {
  std::string pattern = "a";
  for (int i = 0; i < 2000; ++i) pattern += "**/a*";
  const std::string path(2000, 'a');
  CHECK_FALSE(IgnoreRules({pattern + "b"}).excluded(path));
  CHECK_FALSE(match_path(std::string(1000, '*') + "b", path));
}
