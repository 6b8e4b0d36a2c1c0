// ADD of a git repository: which commit, which files. The cases of BuildKit's
// dockerfile_addgit_test.go and source/git/source_test.go.
#include "git_build.hpp"
#include "git_server.hpp"

#include <doctest/doctest.h>

using namespace slipway;

namespace {

using Names = std::vector<std::string>;

Names names(TestBuild& build, const std::string& directory = "") {
  return build.store().layers().view(build.result.layers).list(directory);
}

std::string content(const std::string& url, const std::string& flags = "") {
  TestBuild build;
  build.solve(add_git(url, flags));
  return build.file("f").value_or("no file");
}

std::string failure(const std::string& url, const std::string& flags = "") {
  TestBuild build;
  return failure_of(build, add_git(url, flags));
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

// base (tag v1, branch base) -- feature (branch feature, with sub/)
//   \-- second (tag v2) -- latest (annotated tag latest, branch main)
struct History {
  GitServer server;
  ServedRepository repository;
  std::string base, feature, second, latest, tag;

  explicit History(const std::string& format = "sha1")
      : repository(server.repository("r", format)) {
    repository.write("f", "base\n");
    base = repository.commit("base");
    repository.git("tag v1");
    repository.git("branch base");
    repository.git("checkout -q -b feature");
    repository.write("f", "feature\n");
    repository.write("sub/f", "subfeature\n");
    feature = repository.commit("feature");
    repository.git("checkout -q main");
    repository.write("f", "second\n");
    second = repository.commit("second");
    repository.git("tag v2");
    repository.write("f", "latest\n");
    latest = repository.commit("latest");
    repository.git("tag -a latest -m latest");
    tag = repository.git("rev-parse latest");
  }
  std::string url(const std::string& rest = "") const { return repository.url() + rest; }
};

}  // namespace

TEST_CASE("branch, tag, commit, HEAD: the fragment and the query say which commit") {
  for (const char* format : {"sha1", "sha256"}) {
    CAPTURE(format);
    const History history(format);
    const auto at = [&](const std::string& rest) { return content(history.url(rest)); };
    CHECK(at("") == "latest\n");
    CHECK(at("#v2") == "second\n");
    CHECK(at("#main") == "latest\n");
    CHECK(at("#base") == "base\n");
    CHECK(at("#refs/tags/v1") == "base\n");
    CHECK(at("#refs/heads/feature") == "feature\n");
    CHECK(at("#tags/v1") == "base\n");
    CHECK(at("#latest") == "latest\n");
    CHECK(at("#" + history.base) == "base\n");
    CHECK(at("#" + history.tag) == "latest\n");
    CHECK(at("?ref=base") == "base\n");
    CHECK(at("?branch=base") == "base\n");
    CHECK(at("?tag=v2#refs/tags/v2") == "second\n");
    CHECK(at("?ref=" + history.second) == "second\n");
    CHECK(at("?commit=" + history.latest) == "latest\n");
    CHECK(at("?commit=" + history.latest.substr(0, 8)) == "latest\n");
    CHECK(at("?tag=v2&commit=" + history.second) == "second\n");
    CHECK(at("?ref=" + history.second + "&commit=" + history.second) == "second\n");
    CHECK(at("?tag=latest&commit=" + history.tag) == "latest\n");
    CHECK(at("?tag=latest&commit=" + history.latest) == "latest\n");
    CHECK(at("#feature:sub") == "subfeature\n");
    CHECK(at("?subdir=sub&ref=feature") == "subfeature\n");
    CHECK(at("?subdir=/sub/&ref=feature") == "subfeature\n");
    CHECK(at("?fetch-by-commit=true&ref=main&commit=" + history.base) == "base\n");
  }
}

TEST_CASE("what is not there is told, with what may have been meant") {
  const History history;
  const auto at = [&](const std::string& rest) { return failure(history.url(rest)); };
  const std::string branch = at("?branch=invalid");
  contains(branch, "does not contain ref \"refs/heads/invalid\"");
  contains(at("?branch=v2"), "\"v2\" is a tag");
  contains(at("?tag=base"), "\"base\" is a branch");
  contains(at("#featur"), "did you mean \"feature\"?");
  const std::string abbreviated = at("?ref=" + history.second.substr(0, 8));
  contains(abbreviated, "does not contain ref");
  contains(abbreviated, "all of its digits");
  const std::string wrong = at("?tag=v2&commit=" + history.latest);
  contains(wrong, "expected checksum to match " + history.latest);
  contains(wrong, "got " + history.second);
  contains(at("?commit=" + history.second.substr(0, 8)), "expected checksum to match");
  contains(at("#" + std::string(40, 'a')), "does not contain commit aaaa");
  contains(at("?fetch-by-commit=true&ref=main"), "fetch-by-commit needs");
  contains(at("?fetch-by-commit=true&ref=main&commit=abcd"), "whole commit");
  const std::string subdir = at("#feature:sbu");
  contains(subdir, "there is no directory \"sbu\"");
  contains(subdir, "did you mean \"sub\"?");
  contains(at("#main:f"), "is not a directory");
  contains(at("?tag=v2#refs/heads/main"), "is given twice");
  contains(failure(history.server.url("absent")), "there is no repository");
  contains(failure(history.url("#v2"), "--checksum=" + history.latest), "expected checksum");
  contains(failure(history.url("#v2"), "--checksum=foobar"), "invalid checksum");
  // The place is the word in the Dockerfile.
  contains(branch, "Dockerfile:2:");
}

TEST_CASE("an empty repository and an unreachable one") {
  GitServer server;
  server.repository("empty");
  contains(failure(server.url("empty")), "is empty");
  server.stop();
  const std::string text = failure(server.url("r"));
  contains(text, "cannot reach the repository");
  contains(text, "127.0.0.1");
}

TEST_CASE("modes, owners, links and times are those of the commit") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("plain", "x", 0664);
  repository.write("program", "x", 0777);
  repository.write("d/inner", "x");
  shell("cd '" + repository.path().string() + "' && ln -s ../nowhere d/link");
  repository.commit("all");
  // Whatever the umask of whoever starts the build.
  const mode_t before = ::umask(077);
  TestBuild build;
  build.solve(add_git(repository.url()));
  ::umask(before);
  CHECK(names(build) == Names{"d", "plain", "program"});
  for (const auto& [path, mode] : {std::pair<std::string, unsigned>{"plain", 0644},
                                   {"program", 0755},
                                   {"d", 0755},
                                   {"d/inner", 0644}}) {
    CAPTURE(path);
    const Entry entry = entry_at(build, path).value();
    CHECK(entry.mode == mode);
    CHECK(entry.uid == 0);
    CHECK(entry.gid == 0);
    CHECK(entry.mtime == 1700000000);
  }
  CHECK(entry_at(build, "d/link").value().link_target == "../nowhere");
}

TEST_CASE("git's own conversions are made, as a checkout makes them") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write(".gitattributes", "*.bat text eol=crlf\n");
  repository.write("a.bat", "one\ntwo\n");
  repository.commit("all");
  TestBuild build;
  build.solve(add_git(repository.url()));
  CHECK(build.file("a.bat") == "one\r\ntwo\r\n");
}

TEST_CASE("ADD's flags work on what git gives") {
  const History history;
  TestBuild build;
  build.solve("FROM scratch\nADD --chown=4242:8484 --chmod=600 --exclude=sub " +
              history.url("#feature") + " /x/\n");
  CHECK(names(build, "x") == Names{"f"});
  const Entry entry = entry_at(build, "x/f").value();
  CHECK(entry.uid == 4242);
  CHECK(entry.gid == 8484);
  CHECK(entry.mode == 0600);
  build.solve("FROM scratch\nADD --link " + history.url("#feature:sub") + " /y/\n");
  CHECK(build.file("y/f") == "subfeature\n");
}

TEST_CASE("without --keep-git-dir there is no .git, with it git works") {
  for (const char* format : {"sha1", "sha256"}) {
    CAPTURE(format);
    const History history(format);
    TestBuild build;
    build.solve(add_git(history.url("#v2")));
    CHECK(names(build) == Names{"f"});
    const auto keep = [&](const std::string& rest, const std::string& flags = "--keep-git-dir") {
      build.solve(add_git(history.url(rest), flags));
      REQUIRE(build.result.layers.size() == 1);
      return build.store().layers().directory(build.result.layers[0].diff_id).string();
    };
    const auto git = [&](const std::string& directory, const std::string& arguments) {
      return shell("cp -a '" + directory + "' '" + history.server.path().string() +
                   "/copy'\ntrap \"rm -rf '" + history.server.path().string() +
                   "/copy'\" EXIT\ngit -C '" + history.server.path().string() + "/copy' " +
                   arguments);
    };
    const std::string light = keep("#v2");
    CHECK(build.file(".git/HEAD") == history.second + "\n");
    CHECK(git(light, "status -s") == "");
    CHECK(git(light, "log --format=%s") == "second");
    CHECK(git(light, "rev-parse refs/tags/v2") == history.second);
    CHECK(git(light, "config remote.origin.url") == history.url());
    CHECK(git(light, "fsck --full") == "");
    const std::string annotated = keep("#latest");
    CHECK(git(annotated, "describe") == "latest");
    CHECK(git(annotated, "rev-parse latest") == history.tag);
    CHECK(git(annotated, "rev-parse HEAD") == history.latest);
    const std::string branch = keep("?keep-git-dir", "");
    CHECK(git(branch, "rev-parse refs/heads/main") == history.latest);
    const std::string commit = keep("#" + history.base);
    CHECK(git(commit, "rev-parse HEAD") == history.base);
    CHECK(git(commit, "status -s") == "");
    const std::string by_commit = keep("?fetch-by-commit&branch=main&commit=" + history.base);
    CHECK(git(by_commit, "rev-parse refs/heads/main") == history.base);
    // Only below the root: that is how BuildKit has it.
    build.solve(add_git(history.url("#feature:sub"), "--keep-git-dir"));
    CHECK(names(build) == Names{"f"});
    CHECK(failure(history.url("?keep-git-dir=false"), "--keep-git-dir").find("opposite") !=
          std::string::npos);
    // Nothing of the build's own.
    for (const auto& file : {".git/FETCH_HEAD", ".git/logs", ".git/hooks", ".git/ORIG_HEAD",
                             ".git/objects/info/alternates"})
      CHECK_FALSE(entry_at(build, file));
  }
}

TEST_CASE("the same commit with its .git is the same layer on two machines") {
  const History history;
  const auto layer = [&] {
    TestBuild build;
    build.solve(add_git(history.url("#v2"), "--keep-git-dir"));
    return build.result.layers.back().diff_id;
  };
  const DiffId first = layer();
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  CHECK(first == layer());
}

TEST_CASE("a submodule that .gitmodules does not name is an error, as it is git's") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("f", "x");
  repository.commit("first");
  const std::string commit = repository.git("rev-parse HEAD");
  repository.git("update-index --add --cacheinfo 160000," + commit + ",lost");
  repository.git("commit -q -m lost");
  TestBuild build;
  CHECK(failure_of(build, add_git(repository.url()))
            .find("\"lost\" is not in .gitmodules") != std::string::npos);
  build.solve(add_git(repository.url() + "?submodules=false"));
  CHECK(entry_at(build, "lost"));

  // One that nobody is to fetch is named, and stays an empty directory.
  repository.write(".gitmodules",
                   "[submodule \"lost\"]\n\tpath = lost\n\turl = x\n\tupdate = none\n");
  repository.git("add .gitmodules");
  repository.git("commit -q -m named");
  build.solve(add_git(repository.url()));
  CHECK(entry_at(build, "lost"));
}

TEST_CASE("a submodule comes with its repository, or not") {
  GitServer server;
  const auto inner = server.repository("inner");
  inner.write("deep", "deep\n");
  inner.commit("deep");
  const auto module = server.repository("module");
  module.write("file", "123\n");
  module.git("-c protocol.file.allow=always submodule --quiet add -- ../inner inner");
  module.commit("first");
  const auto repository = server.repository("r");
  repository.write("f", "x");
  repository.git("submodule --quiet add --name strange/name " + module.url() + " sub/module");
  repository.commit("with a submodule");
  // What the submodule has now is not what is asked for.
  module.write("file", "456\n");
  module.commit("second");

  TestBuild build;
  build.solve(add_git(repository.url()));
  CHECK(build.file("sub/module/file") == "123\n");
  CHECK(build.file("sub/module/inner/deep") == "deep\n");
  CHECK(names(build, "sub/module") == Names{".gitmodules", "file", "inner"});
  build.solve(add_git(repository.url() + "?submodules=false"));
  CHECK(names(build, "sub/module").empty());
  build.solve(add_git(repository.url() + "#:sub"));
  CHECK(build.file("module/file") == "123\n");

  build.solve(add_git(repository.url(), "--keep-git-dir"));
  CHECK(build.file("sub/module/file") == "123\n");
  const std::string layer =
      build.store().layers().directory(build.result.layers[0].diff_id).string();
  const std::string copy = (server.path() / "copy").string();
  shell("cp -a '" + layer + "' '" + copy + "'");
  CHECK(shell("git -C '" + copy + "' status -s") == "");
  CHECK(shell("git -C '" + copy + "' submodule status --recursive | wc -l") == "2");
  CHECK(shell("git -C '" + copy + "/sub/module' log --format=%s") == "first");
  CHECK(shell("git -C '" + copy + "/sub/module/inner' status -s") == "");

  // Taken out again, it is gone.
  repository.git("rm -q -f sub/module");
  repository.commit("without");
  build.solve(add_git(repository.url()));
  CHECK(names(build) == Names{".gitmodules", "f"});
}

TEST_CASE("a repository with another tree than its branch's: a base of a stage") {
  const History history;
  TestBuild build;
  CHECK(build
            .solve("FROM scratch AS a\nADD " + history.url("#v1") +
                   " /r/\nFROM scratch\nCOPY --from=a /r/f /g\n")
            .size() == 3);
  CHECK(build.file("g") == "base\n");
}

TEST_CASE("--link adds a repository in a layer of its own, which outlives a change below it") {
  const History history;
  TestBuild build;
  const std::string dockerfile =
      "FROM scratch\nCOPY below /r/below\nADD --link " + history.url("#feature") + " /r/\n";
  build.context().write("below", "1");
  build.solve(dockerfile);
  REQUIRE(build.result.layers.size() == 2);
  const LayerStack before = build.result.layers;
  CHECK(names(build, "r") == Names{"below", "f", "sub"});
  build.context().write("below", "2");
  CHECK(build.solve(dockerfile) == Steps{"COPY below /r/below"});
  REQUIRE(build.result.layers.size() == 2);
  CHECK(build.result.layers[0].diff_id != before[0].diff_id);
  CHECK(build.result.layers[1].diff_id == before[1].diff_id);
  CHECK(build.file("r/below") == "2");
  CHECK(build.file("r/f") == "feature\n");
  // Without --link it goes on top of what is below.
  const std::string plain =
      "FROM scratch\nCOPY below /r/below\nADD " + history.url("#feature") + " /r/\n";
  build.solve(plain);
  build.context().write("below", "3");
  CHECK(build.solve(plain).size() == 2);
}
