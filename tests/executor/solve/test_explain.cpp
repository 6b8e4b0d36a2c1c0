// Why a step missed, as the cache report tells it.
#include "test_build.hpp"

#include <cache/database.hpp>

using namespace slipway;

namespace {

const VertexReport& report_of(const TestBuild& build, const std::string& text) {
  for (const VertexReport& report : build.result.reports) {
    if (build.text_of(report.vertex) == text) return report;
  }
  throw std::logic_error("there is no step " + text);
}

void teach(FakeRunner& runner, const std::vector<std::string>& commands) {
  for (const std::string& command : commands) {
    runner.on(command, [command](FakeStep& step) {
      step.write("/made-by-" + command.substr(0, command.find(' ')), command);
      return 0;
    });
  }
}

}  // namespace

TEST_CASE("a first build was never built here, and neither was an instruction put between") {
  TestBuild build;
  teach(build.runner, {"first", "second"});
  build.context().write("a", "1");
  build.solve("FROM scratch\nCOPY a /\nRUN second\n");
  CHECK(build.reason("COPY a /") == "never built here");
  CHECK(build.reason("RUN second") == "never built here");

  // What moved is compared with itself, not with what stands at its place now.
  build.context().write("a", "2");
  build.solve("FROM scratch\nRUN first\nCOPY a /\nRUN second\n");
  CHECK(build.reason("RUN first") == "never built here");
  CHECK(build.reason("COPY a /") == "a: content");
  CHECK(build.reason("RUN second") == "input [2/3] changed");

  build.context().write("a", "3");
  build.solve("FROM scratch\nCOPY a /\nRUN second\n");
  CHECK(build.reason("COPY a /") == "a: content");
}

TEST_CASE("an instruction with other blanks is the one that it was") {
  TestBuild build;
  build.context().write("a", "1");
  build.context().write("b", "1");
  build.solve("FROM scratch\nCOPY a /\nCOPY b /\n");
  CHECK(build.solve("FROM scratch\nCOPY a /\nCOPY   b \\\n  /\n") == Steps{});
  build.context().write("a", "2");
  build.solve("FROM scratch\nWORKDIR /new\nCOPY a /\nCOPY   b \\\n  /\n");
  CHECK(build.reason("COPY   b   /") == "input [2/3] changed");
}

TEST_CASE("files are named that the layer left out as unchanged below") {
  TestBuild build;
  build.context().write("same", "same");
  build.context().write("other", "1");
  const std::string twice = "FROM scratch\nCOPY same /d/\nCOPY . /d/\n";
  build.solve(twice);
  build.context().write("other", "2");
  build.solve(twice);
  CHECK(build.reason("COPY . /d/") == "other: content");
  build.context().remove("same");
  build.context().write("same2", "same");
  CHECK(build.solve("FROM scratch\nCOPY . /d/\n") == Steps{"COPY . /d/"});
}

TEST_CASE("new, gone, renamed; and the list for programs beside the line") {
  TestBuild build;
  build.context().write("src/main.c", "main");
  build.context().write("src/old.c", "text");
  build.context().write("src/util.c", "util");
  const std::string copy = "FROM scratch\nCOPY src /app/\n";
  build.solve(copy);
  build.context().write("src/main.c", "MAIN");
  build.context().remove("src/old.c");
  build.context().write("src/new.c", "text");
  build.context().remove("src/util.c");
  for (int i = 0; i < 3; ++i) build.context().write("src/lib/" + std::to_string(i), "lib");
  build.solve(copy);
  const VertexReport& report = report_of(build, "COPY src /app/");
  CHECK(report.reason ==
        "src/lib/: new (3 files); src/main.c: content; src/new.c: renamed (was src/old.c); "
        "src/util.c: gone");
  REQUIRE(report.changes.size() == 4);
  CHECK(report.change_count == 4);
  CHECK(report.changes[0] == FileChange{"src/lib", {"new"}, "", 3, true});
  CHECK(report.changes[2] == FileChange{"src/new.c", {"renamed"}, "src/old.c", 0, false});
}

TEST_CASE("the instruction's own text comes before the files it takes") {
  TestBuild build;
  build.context().write("a", "1");
  const auto reason = [&](const std::string& was, const std::string& is) {
    build.solve("FROM scratch\n" + was + "\n");
    build.context().write("a", build.context().path().string() + was);
    build.solve("FROM scratch\n" + is + "\n");
    return build.reason(is.substr(0, is.find('\n')));
  };
  CHECK(reason("COPY a /x", "COPY a /y") == "destination changed: /x -> /y");
  CHECK(reason("COPY --chown=1:2 a /", "COPY --chown=3 a /") == "--chown changed: 1:2 -> 3");
  CHECK(reason("COPY a /", "COPY --chown=3 a /") == "--chown 3 added");
  CHECK(reason("COPY --chmod=600 a /", "COPY a /") == "--chmod 600 removed");
  CHECK(reason("COPY --exclude=b a /", "COPY --exclude=c a /") == "--exclude changed");
  CHECK(reason("COPY a /", "COPY --link a /") == "--link changed");
  CHECK(reason("COPY a /", "COPY . /") == "source changed: a -> .");
  CHECK(reason("COPY a /z/", "COPY a a /z/") == "sources changed");
  CHECK(reason("WORKDIR /one", "WORKDIR /two") == "path changed: /one -> /two");
}

TEST_CASE("a heredoc is named by its name, an archive as one") {
  TestBuild build;
  build.solve("FROM scratch\nCOPY <<run.sh /bin/\necho 1\nrun.sh\n");
  build.solve("FROM scratch\nCOPY <<run.sh /bin/\necho 2\nrun.sh\n");
  CHECK(build.reason("COPY <<run.sh /bin/") == "heredoc run.sh: content");

  // An empty archive has two blocks of zeros; one with a file would need tar here.
  const auto archive = [](char name) {
    std::string block(512, '\0');
    block[0] = name;
    block.replace(100, 8, std::string("0000644\0", 8));
    block.replace(124, 12, std::string("00000000000\0", 12));
    block.replace(136, 12, std::string("00000000000\0", 12));
    block.replace(148, 8, "        ");
    block[156] = '0';
    block.replace(257, 8,
                  std::string("ustar\0"
                              "00",
                              8));
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    char text[8];
    std::snprintf(text, sizeof text, "%06o", sum);
    block.replace(148, 7, std::string(text, 7));
    return block + std::string(1024, '\0');
  };
  const std::string add = "FROM scratch\nADD files.tar /x/\n";
  build.context().write("files.tar", archive('a'));
  build.solve(add);
  CHECK(build.file("x/a") == "");
  build.context().write("files.tar", archive('b'));
  build.solve(add);
  CHECK(build.reason("ADD files.tar /x/") == "files.tar: content");
}

TEST_CASE("the files of a bind mount are named, with the mount") {
  TestBuild build;
  teach(build.runner, {"make"});
  build.context().write("src/a", "1");
  build.context().write("src/b", "1");
  const std::string run = "FROM scratch\nRUN --mount=type=bind,source=src,target=/src make\n";
  build.solve(run);
  CHECK(build.solve(run).empty());
  build.context().touch("src/a");
  CHECK(build.solve(run).empty());
  build.context().write("src/b", "2");
  build.solve(run);
  const std::string step = "RUN --mount=type=bind,source=src,target=/src make";
  CHECK(build.reason(step) == "src/b: content (mount /src)");
  build.context().write("src/a", "1", 0600);
  build.solve(run);
  CHECK(build.reason(step) == "src/a: mode (0644 -> 0600) (mount /src)");
}

TEST_CASE("what lies below a COPY is told as that, and through a --link by its own step") {
  TestBuild build;
  teach(build.runner, {"base 1", "base 2", "use"});
  build.context().write("a", "1");
  build.solve("FROM scratch\nRUN base 1\nCOPY a /\n");
  build.solve("FROM scratch\nRUN base 2\nCOPY a /\n");
  CHECK(build.reason("COPY a /") == "input [1/2] changed");

  build.solve("FROM scratch\nRUN base 1\nCOPY --link a /\nRUN use\n");
  build.context().write("a", "2");
  build.solve("FROM scratch\nRUN base 1\nCOPY --link a /\nRUN use\n");
  CHECK(build.reason("RUN use") == "input [2/3] changed");
}

TEST_CASE("an old store without lists says that files changed, and no more") {
  TestBuild build;
  build.context().write("a", "1");
  build.solve("FROM scratch\nCOPY a /\n");
  {
    Database database(build.store().state().root() / "slipway.db");
    Query(database, "DELETE FROM record_files").run();
  }
  build.context().write("a", "2");
  build.solve("FROM scratch\nCOPY a /\n");
  CHECK(build.reason("COPY a /") == "files changed");
  CHECK(report_of(build, "COPY a /").change_count == 0);
}

TEST_CASE("a changed secret is nobody's business unless it is keyed, and then it is named") {
  TestBuild build;
  teach(build.runner, {"push", "other"});
  const std::string dockerfile =
      "FROM scratch\nRUN --mount=type=secret,id=token push\n"
      "RUN --mount=type=secret,id=token,env=T --mount=type=secret,id=absent other\n";
  build.secrets["token"] = "first value";
  build.solve(dockerfile);
  build.secrets["token"] = "second value";
  CHECK(build.solve(dockerfile) == Steps{});

  build.keyed_secrets = {"token", "absent"};
  CHECK(build.solve(dockerfile).size() == 2);
  CHECK(build.reason("RUN --mount=type=secret,id=token push") == "secret token counts now");
  CHECK(build.solve(dockerfile) == Steps{});
  build.reopen();
  CHECK(build.solve(dockerfile) == Steps{});

  build.secrets["token"] = "third value";
  CHECK(build.solve(dockerfile).size() == 2);
  CHECK(build.reason("RUN --mount=type=secret,id=token push") == "secret token changed");
  build.secrets["token"] = "second value";
  CHECK(build.solve(dockerfile) == Steps{});
  build.keyed_secrets.clear();
  CHECK(build.solve(dockerfile) == Steps{});
}

TEST_CASE("another store has other keys for the same secret: they say nothing elsewhere") {
  std::vector<std::string> keys;
  for (int i = 0; i < 2; ++i) {
    TestBuild build;
    teach(build.runner, {"push"});
    build.secrets["token"] = "1234";
    build.keyed_secrets = {"token"};
    build.solve("FROM scratch\nRUN --mount=type=secret,id=token push\n");
    keys.push_back(build.result.reports.back().key->text());
  }
  CHECK(keys[0] != keys[1]);
}
