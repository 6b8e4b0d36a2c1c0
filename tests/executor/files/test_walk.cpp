#include "context_bench.hpp"

#include <ir/error.hpp>

using namespace slipway;
namespace fs = std::filesystem;

TEST_CASE("an excluded directory is not walked unless something in it may be re-included") {
  ContextBench bench(
      "src/a.c\nnode_modules/x/1\nnode_modules/x/2\nnode_modules/y/3\nlogs/a\n"
      "logs/keep/b");
  const auto pruned = bench.open({"node_modules", "logs"});
  CHECK(pruned->list("") == std::vector<std::string>{"src"});
  CHECK(pruned->list("src") == std::vector<std::string>{"a.c"});
  CHECK(pruned->figures().entries == 4);  // three names at the top, one in src
  CHECK(pruned->absence("logs/a") == "it is excluded by .dockerignore");
  CHECK(pruned->absence("src/b.c") == "");

  const auto kept = bench.open({"node_modules", "logs", "!logs/keep"});
  CHECK(kept->list("") == std::vector<std::string>{"logs", "src"});
  CHECK(kept->list("logs") == std::vector<std::string>{"keep"});
}

TEST_CASE("a walk ends with the build, and what it has not read is read when it is asked for") {
  ContextBench bench("a/b/c/d\ne/f");
  const CopyFiles copy = parse_copy("COPY . /");
  const auto context = bench.open();
  context->stop();
  context->expect({{VertexId{}, 1, copy}});
  CHECK(context->figures().entries == 2);  // the root's
  CHECK(context->find("a/b/c/d"));
}

TEST_CASE("only what an instruction takes is walked") {
  struct Row {
    const char* instruction;
    std::uint64_t entries;  // names in the directories that must be opened, and no others
  };
  // Five names at the top; one directory of them is large and another one deep.
  const std::string_view tree =
      "package.json\nsrc/a.c\nsrc/b.h\nsrc/sub/c.c\nnode_modules/x/1\nnode_modules/x/2\n"
      "node_modules/y/3\nlink -> src/sub\nsrc/up -> ../../out/of/it\ndocs/en/a.md\ndocs/de/a.md\n"
      "docs/de/img/1";
  const Row rows[] = {
      {"COPY package.json /", 5},
      {"COPY package.json docs/en/a.md /", 5 + 2 + 1},
      {"COPY src /", 5 + 4 + 1},
      {"COPY src/sub /", 5 + 4 + 1},
      {"COPY link /", 5 + 4 + 1},  // through the link to what it names
      {"COPY link/c.c /", 5 + 4 + 1},
      {"COPY *.json /", 5},  // a wildcard stays in its directory
      {"COPY src/*.c /", 5 + 4},
      {"COPY docs/*/a.md /", 5 + 2 + 1 + 2},
      {"COPY docs/d* /", 5 + 2 + 2 + 1},  // what it matches is taken whole
      {"COPY --exclude=node_modules --exclude=docs . /", 5 + 4 + 1},
      {"COPY --exclude=node_modules --exclude=!node_modules/y --exclude=docs/* . /",
       5 + 4 + 1 + 2 + 1 + 2},
      {"COPY --parents src/sub/c.c /", 5 + 4 + 1},
      {"COPY --parents docs/./en/a.md /", 5 + 2 + 1},
      {"COPY --parents docs/./e*/ /", 5 + 2 + 1},
      {"ADD package.json /", 5},
      {"COPY . /", 5 + 4 + 1 + 2 + 2 + 1 + 2 + 1 + 2 + 1},
      {"COPY missing/file /", 5},
      {"COPY src/missing /", 5 + 4},
  };
  ContextBench bench(tree);
  for (const Row& row : rows) {
    CAPTURE(row.instruction);
    const CopyFiles copy = parse_copy(row.instruction);
    const auto lazy = bench.open();
    const std::string missing = message_of([&] {
      plan_copy(copy, {nullptr, lazy.get()}, StackView({}));
    });
    CHECK(missing.empty() ==
          (std::string_view(row.instruction).find("missing") == std::string_view::npos));
    CHECK(lazy->figures().entries == row.entries);
    // What is read ahead is the same, neither more nor less.
    const auto eager = bench.open();
    eager->expect({{VertexId{}, 1, copy}});
    CHECK(eager->figures().entries == row.entries);
    message_of([&] { plan_copy(copy, {nullptr, eager.get()}, StackView({})); });
    CHECK(eager->figures().entries == row.entries);
  }
}

TEST_CASE(
    "what is excluded is walked only where something may come back, and only if it is asked for") {
  ContextBench bench("app/main\nbig/1\nbig/2\nbig/deep/3\nbig/deep/keep\nother/1");
  const std::vector<std::string> ignore = {"*", "!app", "!big/deep/keep"};
  const auto entries = [&](const char* instruction) {
    const auto context = bench.open(ignore);
    const CopyFiles copy = parse_copy(instruction);
    context->expect({{VertexId{}, 1, copy}});
    plan_copy(copy, {nullptr, context.get()}, StackView({}));
    return context->figures().entries;
  };
  CHECK(entries("COPY app /") == 3 + 1);
  CHECK(entries("COPY app/main /") == 3 + 1);
  CHECK(entries("COPY big/deep /") == 3 + 3 + 2);
  CHECK(entries("COPY . /") == 3 + 1 + 3 + 2);
  CHECK(message_of([&] { entries("COPY other /"); }).find("other") != std::string::npos);
}

TEST_CASE("hard links stay together whatever was read before") {
  ContextBench bench("a/1\nb/2 == a/1\nc/3 == a/1\nd/4");
  const auto context = bench.open();
  CHECK(context->find("c/3")->hard_link == "c/3");
  const CopyPlan plan = plan_copy(parse_copy("COPY . /"), {nullptr, context.get()}, StackView({}));
  std::string links;
  for (const PlanItem& item : plan.items)
    if (!item.entry.hard_link.empty()) links += item.entry.path + "=" + item.entry.hard_link + " ";
  CHECK(links == "b/2=a/1 c/3=a/1 ");
}

TEST_CASE("a large context: every entry once, in order, whatever thread saw it") {
  ContextBench bench("x");
  constexpr int folders = 60;
  constexpr int files = 40;
  for (int d = 0; d < folders; ++d) {
    const std::string folder = "d" + std::to_string(d) + "/sub";
    fs::create_directories(bench / folder);
    for (int f = 0; f < files; ++f)
      bench.write(folder + "/f" + std::to_string(f), std::to_string(d * files + f));
  }
  const auto context = bench.open();
  CHECK(context->list("").size() == folders + 1);
  std::vector<std::string> paths;
  for (int d = 0; d < folders; ++d) {
    const std::string folder = "d" + std::to_string(d) + "/sub";
    const std::vector<Entry> found = context->children(folder);
    REQUIRE(found.size() == files);
    for (std::size_t i = 1; i < found.size(); ++i)
      CHECK(path_less(found[i - 1].path, found[i].path));
    for (const Entry& entry : found) paths.push_back(entry.path);
  }
  const std::vector<Digest> digests =
      context->digests(std::vector<std::string_view>(paths.begin(), paths.end()));
  REQUIRE(digests.size() == folders * files);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    std::ifstream in(bench / paths[i]);
    std::string text;
    in >> text;
    CHECK(digests[i] == sha256(text));
  }
  CHECK(context->figures().files_hashed == folders * files);
}
