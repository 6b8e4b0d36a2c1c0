// What a miss says about files: two selections, and the line that tells them apart.
#include "copy_fixture.hpp"

#include <executor/files/file_list.hpp>

#include <set>
#include <string>

using namespace slipway;

namespace {

std::string list_of(std::string_view context, std::string_view instruction = "COPY . /t/",
                    std::string_view below = "") {
  CopyBench bench;
  bench.context(context);
  if (!below.empty()) bench.below(below);
  return file_list(bench.plan(parse_copy(instruction)));
}

std::string told(std::string_view was, std::string_view is,
                 std::string_view instruction = "COPY . /t/") {
  return describe(compare_file_lists(list_of(was, instruction), list_of(is, instruction)));
}

std::string many(const std::string& directory, int count, const std::string& content) {
  std::string tree;
  for (int i = 0; i < count; ++i)
    tree += directory + "/f" + std::to_string(i) + " =" + content + std::to_string(i) + "\n";
  return tree;
}

}  // namespace

TEST_CASE("each kind of change has its word") {
  const std::string tree = "a =one\nb -> a\nd/c 0644 =three\n";
  CHECK(told(tree, tree) == "");
  CHECK(told(tree, "a =two\nb -> a\nd/c 0644 =three\n") == "a: content");
  CHECK(told(tree, "a =one\nb -> d\nd/c 0644 =three\n") == "b: link (a -> d)");
  CHECK(told(tree, "a =one\nb -> a\nd/c 0755 =three\n") == "d/c: mode (0644 -> 0755)");
  CHECK(told(tree, "a =two\nb -> a\nd/c 0755 =3\n") == "a: content; d/c: content, mode");
  CHECK(told(tree, tree + "e =new\n") == "e: new");
  CHECK(told(tree, "a =one\nb -> a\n") == "d/: gone (1 file)");
  CHECK(told(tree, "a -> b\nb -> a\nd/c 0644 =three\n") == "a: type (file -> link)");
  CHECK(told("a =x\nb =x\n", "a =x\nb == a\n") == "b: link");
}

TEST_CASE("owners and attributes count where they come from a stage") {
  const auto of = [](std::string_view stage) {
    CopyBench bench;
    bench.stage(stage);
    return file_list(bench.plan(parse_copy("COPY --from=stage a b /t/")));
  };
  CHECK(describe(compare_file_lists(of("a 0644 1:2\nb"), of("a 0644 3:2\nb"))) ==
        "a: owner (1:2 -> 3:2)");
  CHECK(describe(compare_file_lists(of("a 0644 1:2\nb 0644 1:2"), of("a 0644 5:5\nb 0644 5:5"))) ==
        "all 2 files: owner");
}

TEST_CASE("files have the names of their source, wherever they go") {
  CHECK(told("src/m/a.c =1\n", "src/m/a.c =2\n", "COPY src /app/") == "src/m/a.c: content");
  CHECK(told("a.c =1\n", "a.c =2\n", "COPY a.c /app/other.c") == "a.c: content");
  CHECK(told("d/a =1\n", "d/a =2\n", "COPY --parents d/a /t/") == "d/a: content");
  // Two ways to one file, which is named once.
  CHECK(told("d/e/a =1\n", "d/e/a =2\n", "COPY d d/e /t/") == "d/e/a: content");
  CHECK(told("a\n", "a\n", "COPY <<h=text /t/h") == "");
  const auto heredoc = [](std::string_view instruction) { return list_of("a\n", instruction); };
  CHECK(describe(compare_file_lists(heredoc("COPY <<h=text /t/h"),
                                    heredoc("COPY <<h=TEXT /t/h"))) == "/t/h: content");
}

TEST_CASE("a file that is below already is no new one when it changes nothing") {
  // The layer has only b; the list has both, so a change of b says nothing about a.
  const std::string below = "t/a 0644 =same\n";
  const std::string was = list_of("a 0644 =same\nb =1\n", "COPY . /t/", below);
  const std::string is = list_of("a 0644 =same\nb =2\n", "COPY . /t/", below);
  CHECK(describe(compare_file_lists(was, is)) == "b: content");
}

TEST_CASE("a directory is one line, however much is in it") {
  const std::string tree = "src/main.c =main\n";
  CHECK(told(tree, tree + many("src/new", 1000, "x")) == "src/new/: new (1,000 files)");
  CHECK(told(tree + many("src/old/deep", 12, "x"), tree) == "src/old/: gone (12 files)");
  CHECK(told(tree, tree + "src/empty/\n") == "src/empty/: new");
  CHECK(told(tree + "d/a =1\nd/b =2\n", tree + "d =file\n") == "d: type (directory -> file)");
  CHECK(told(tree + "d =file\n", tree + "d/a =1\nd/b =2\n") == "d/: type (file -> directory)");
  CHECK(told("d/ 0755\nd/a =1\n", "d/ 0700\nd/a =1\n") == "d/: mode (0755 -> 0700)");
}

TEST_CASE("ten names, then a count") {
  const std::string line = told(many("d", 47, "x"), many("d", 47, "y"));
  CHECK(line.starts_with("d/f0: content; d/f1: content; "));
  CHECK(line.ends_with("; and 37 more"));
  CHECK(std::count(line.begin(), line.end(), ';') == 10);

  const FileChanges changes =
      compare_file_lists(list_of(many("d", 2500, "x")), list_of(many("d", 2500, "y")));
  CHECK(changes.count == 2500);
  CHECK(changes.first.size() == most_file_changes);
}

TEST_CASE("what all files have in common is said once") {
  std::string was;
  std::string is;
  for (int i = 0; i < 20; ++i) {
    was += "f" + std::to_string(i) + " 0644\n";
    is += "f" + std::to_string(i) + " 0755\n";
  }
  CHECK(told(was, is) == "all 20 files: mode");
  // One that is as before, or new, and it is no longer all of them.
  CHECK(told(was + "z 0644\n", is + "z 0644\n").starts_with("f0: mode (0644 -> 0755); "));
  CHECK(told(was, is + "z 0644\n").starts_with("f0: mode"));
}

TEST_CASE("a file or directory under another name is renamed, if no other could be meant") {
  CHECK(told("old.c =text\n", "new.c =text\n") == "new.c: renamed (was old.c)");
  CHECK(told("old/a =1\nold/b =2\n", "new/a =1\nnew/b =2\n") ==
        "new/: renamed (was old/, 2 files)");
  CHECK(told("a/f =text\nb =\n", "b =\nc/g =text\n") == "a/: gone (1 file); c/: new (1 file)");
  // Two that would do, or nothing to go by.
  CHECK(told("a =same\nb =same\n", "c =same\nd =same\n") == "a: gone; b: gone; c: new; d: new");
  CHECK(told("a =\n", "b =\n") == "a: gone; b: new");
  CHECK(told("a 0644 =text\n", "b 0600 =text\n") == "a: gone; b: new");
}

TEST_CASE("no name can drive a terminal or pretend to be two") {
  FileChanges changes;
  changes.first = {{"a\x1b[2Jb", {"new"}, "", 0, false},
                   {"x: new; y", {"content"}, "", 0, false},
                   {"caf\xc3\xa9", {"gone"}, "", 0, false},
                   {"\xff", {"gone"}, "", 0, false},
                   {std::string(4000, 'n'), {"new"}, "", 0, false},
                   {"l", {"link"}, "a\x1b -> b", 0, false}};
  changes.count = changes.first.size();
  const std::string line = describe(changes);
  CHECK(line.find('\x1b') == std::string::npos);
  CHECK(line.find("\"x: new; y\": content") != std::string::npos);
  CHECK(line.find("caf\xc3\xa9: gone") != std::string::npos);
  CHECK(line.find("\"\\xff\": gone") != std::string::npos);
  CHECK(line.size() < 400);
  CHECK(line.ends_with("; l: link"));
}

TEST_CASE("lists are small, and no list is better than one without end") {
  const std::string list = list_of(many("some/directory/of/a/project", 1000, "content"));
  CHECK(list.size() < 1000 * 24);
  // Names that have nothing in common with their neighbours.
  std::set<std::string> names;
  for (int i = 0; i < 60'000; ++i) names.insert(sha256(std::to_string(i)).hex() + std::string(20, 'x'));
  CopyPlan plan;
  CopyPlan part;
  for (const std::string& name : names) {
    PlanItem item;
    item.entry.path = item.source = name;
    plan.items.push_back(item);
    if (plan.items.size() <= 10'000) part.items.push_back(item);
  }
  CHECK(file_list(plan).empty());
  CHECK(!file_list(part).empty());
}

TEST_CASE("damaged lists are compared without harm, at any byte") {
  const std::string list = list_of("a =1\nd/b =2\nd/c -> b\nd/e == d/b\np |\n");
  const std::string other = list_of("a =2\nd/b =2\nq =3\n");
  for (std::size_t i = 0; i < list.size(); ++i) {
    compare_file_lists(list.substr(0, i), other);
    for (const int flip : {1, 0x80, 0xff}) {
      std::string damaged = list;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      const FileChanges changes = compare_file_lists(damaged, other);
      CHECK(changes.first.size() <= 20);
    }
  }
  CHECK(describe(compare_file_lists("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", other)) == "");
  CHECK(describe(compare_file_lists(list + list, other)) == "");  // not in order
}

TEST_CASE("numbers are read in groups of three") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(1234567) == "1,234,567");
}
