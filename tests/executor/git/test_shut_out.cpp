// What a hostile repository, a hostile URL or a careless configuration of the user's cannot do.
#include "../../cache/registry/http_server.hpp"
#include "../process_variables.hpp"
#include "git_build.hpp"
#include "git_server.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// A program that leaves a trace if anybody runs it.
struct Trap {
  TemporaryFolder folder;
  fs::path trace = folder.path() / "trace";
  fs::path program = folder.path() / "trap";

  Trap() {
    std::ofstream(program) << "#!/bin/sh\necho \"$0 $@\" >> '" << trace.string() << "'\ncat\n";
    REQUIRE(::chmod(program.c_str(), 0755) == 0);
  }
  bool sprung() const { return fs::exists(trace); }
};

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return true;
}

}  // namespace

TEST_CASE("no configuration, hook or filter of the machine or the user has a part in it") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write(".gitattributes", "* filter=evil diff=evil\nf text\n");
  repository.write("f", "text\n");
  repository.write("subdirectory/f", "text\n");
  repository.commit("all");

  const Trap trap;
  const fs::path home = trap.folder.path() / "home";
  const fs::path hooks = home / "templates/hooks";
  fs::create_directories(hooks);
  for (const char* hook : {"post-checkout", "reference-transaction", "post-index-change",
                           "pre-auto-gc", "post-merge", "fsmonitor-watchman"})
    fs::copy_file(trap.program, hooks / hook);
  const std::string program = trap.program.string();
  std::ofstream(home / ".gitconfig")
      << "[core]\n\thooksPath = " << hooks.string() << "\n\tfsmonitor = " << program
      << "\n\tsshCommand = " << program << "\n\tgitProxy = " << program
      << "\n\talternateRefsCommand = " << program
      << "\n[init]\n\ttemplateDir = " << (home / "templates").string()
      << "\n[filter \"evil\"]\n\tsmudge = " << program
      << "\n\trequired = true\n[url \"file:///nowhere/\"]\n\tinsteadOf = git://\n"
      << "[credential]\n\thelper = !" << program
      << "\n[uploadpack]\n\tpackObjectsHook = " << program << "\n";
  fs::create_directories(home / "git");
  fs::copy_file(home / ".gitconfig", home / "git/config");

  const ProcessVariables environment{{"HOME", home.string()},
                                {"XDG_CONFIG_HOME", home.string()},
                                {"GIT_CONFIG_GLOBAL", (home / ".gitconfig").string()},
                                {"GIT_CONFIG_SYSTEM", (home / ".gitconfig").string()},
                                {"GIT_CONFIG_PARAMETERS", "'filter.evil.smudge'='" + program + "'"},
                                {"GIT_CONFIG_COUNT", "1"},
                                {"GIT_CONFIG_KEY_0", "core.hooksPath"},
                                {"GIT_CONFIG_VALUE_0", hooks.string()},
                                {"GIT_TEMPLATE_DIR", (home / "templates").string()},
                                {"GIT_SSH", program},
                                {"GIT_SSH_COMMAND", program},
                                {"GIT_PROXY_COMMAND", program},
                                {"GIT_ASKPASS", program},
                                {"SSH_ASKPASS", program},
                                {"GIT_EXTERNAL_DIFF", program},
                                {"GIT_DIR", repository.path().string()},
                                {"GIT_WORK_TREE", "/"},
                                {"GIT_INDEX_FILE", (home / "index").string()},
                                {"GIT_ALTERNATE_OBJECT_DIRECTORIES", "/nowhere"},
                                {"GIT_NAMESPACE", "other"}};
  TestBuild build;
  for (const char* flags : {"", "--keep-git-dir"}) {
    build.solve(add_git(repository.url(), flags));
    CHECK(build.file("f") == "text\n");
  }
  CHECK_FALSE(entry_at(build, ".git/hooks"));
  CHECK_FALSE(trap.sprung());
}

TEST_CASE("a submodule cannot reach for files, programs or another place") {
  GitServer server;
  const Trap trap;
  const std::string secret = (trap.folder.path() / "secret").string();
  shell("git init -q -b main '" + secret + "' && cd '" + secret +
        "' && echo secret >f && git add f && git commit -q -m x");
  const std::string commit = shell("git -C '" + secret + "' rev-parse HEAD");
  const auto attempt = [&](const std::string& modules, const std::string& path = "m") {
    static int number = 0;
    const auto repository = server.repository("r" + std::to_string(++number));
    repository.write("f", "x");
    repository.write(".gitmodules", modules);
    repository.git("add -A");
    repository.git("update-index --add --cacheinfo 160000," + commit + "," + path);
    repository.git("commit -q -m evil");
    TestBuild build;
    const std::string text = failure_of(build, add_git(repository.url()));
    CHECK_FALSE(trap.sprung());
    CHECK_FALSE(build.result.layers.size() > 0);
    return text;
  };
  const auto module = [](const std::string& url) {
    return "[submodule \"m\"]\n\tpath = m\n\turl = \"" + url + "\"\n";
  };
  contains(attempt(module("file://" + secret)), "not allowed");
  contains(attempt(module(secret)), "not a URL");
  contains(attempt(module("../../../../../../.." + secret)), "leads out");
  contains(attempt(module("ext::" + trap.program.string() + " x")), "not a URL");
  contains(attempt(module("-u" + trap.program.string())), "has no URL");
  contains(attempt(module("ssh://-oProxyCommand=" + trap.program.string() + "/x")),
           "like an option");
  contains(attempt("[submodule \"m\"]\n\tpath = ../m\n\turl = git://127.0.0.1/x\n"), "is not one");
  contains(attempt("[submodule \"../../m\"]\n\tpath = m\n\turl = git://127.0.0.1/x\n"),
           "is not one");
  contains(attempt("[submodule \"m\"]\n\tpath = .git/hooks\n\turl = git://127.0.0.1/x\n"),
           "is not one");
  // What it says of itself is named.
  contains(attempt(module("file://" + secret)), "submodule \"m\"");
  contains(attempt(module("file://" + secret)), "file://");
}

TEST_CASE("a submodule's place that is a link leads nowhere") {
  GitServer server;
  const auto inner = server.repository("inner");
  inner.write("stolen", "x");
  const std::string commit = inner.commit("x");
  const TemporaryFolder outside;
  // No git would write such a tree: the name is there as a link and as a directory.
  const auto repository = server.repository("r");
  repository.write(".gitmodules", "[submodule \"m\"]\n\tpath = s/m\n\turl = " + inner.url() + "\n");
  shell("cd '" + repository.path().string() +
        "'\n"
        "link=$(printf %s '" +
        outside.path().string() +
        "' | git hash-object -w --stdin)\n"
        "modules=$(git hash-object -w .gitmodules)\n"
        "inner=$(printf '160000 commit " +
        commit +
        "\\tm\\n' | git mktree --missing)\n"
        "tree=$({ printf '100644 blob %s\\t.gitmodules\\n' $modules; printf '120000 blob "
        "%s\\ts\\n' $link; "
        "printf '040000 tree %s\\ts\\n' $inner; } | git mktree --missing)\n"
        "git update-ref refs/heads/main $(git commit-tree -m evil $tree)");
  TestBuild build;
  failure_of(build, add_git(repository.url()));
  CHECK(fs::is_empty(outside.path()));
}

TEST_CASE("submodules within submodules have an end") {
  GitServer server;
  auto below = server.repository("level0");
  below.write("f", "x");
  std::string commit = below.commit("x");
  for (int level = 1; level <= 20; ++level) {
    const auto next = server.repository("level" + std::to_string(level));
    next.write(".gitmodules", "[submodule \"m\"]\n\tpath = m\n\turl = ../level" +
                                  std::to_string(level - 1) + "\n");
    next.git("add -A");
    next.git("update-index --add --cacheinfo 160000," + commit + ",m");
    next.git("commit -q -m x");
    commit = next.git("rev-parse HEAD");
  }
  TestBuild build;
  CHECK(failure_of(build, add_git(server.url("level10"))) == "it was built");
  contains(failure_of(build, add_git(server.url("level20"))), "levels deep");
}

TEST_CASE("a subdirectory is one of the repository, whatever its links say") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("real/f", "x");
  // What a subdirectory holds is moved away. So the links lead to a folder of this test and never
  // to one of the machine: a build that followed them would take that from it.
  TemporaryFolder outside;
  fs::create_directory(outside.path() / "etc");
  std::ofstream(outside.path() / "etc/kept") << "x";
  const std::string away = outside.path().string();
  shell("cd '" + repository.path().string() + "' && ln -s '" + away +
        "' root && ln -s .. up && ln -s real alias && ln -s '" + away + "/etc' real/etc");
  repository.commit("all");
  TestBuild build;
  const auto at = [&](const std::string& subdir) {
    return failure_of(build, add_git(repository.url() + "#main:" + subdir));
  };
  CHECK(at("real") == "it was built");
  contains(at("root"), "over the link \"root\"");
  contains(at("root/etc"), "over the link \"root\"");
  contains(at("up"), "over the link");
  contains(at("alias"), "over the link");
  contains(at("real/etc"), "over the link \"real/etc\"");
  CHECK(fs::exists(outside.path() / "etc/kept"));
  // ".." goes no further than the top.
  CHECK(at("../../real") == "it was built");
}

TEST_CASE("a ref that looks like an option is refused, by whomever it is given") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("f", "x");
  repository.commit("x");
  const Trap trap;
  TestBuild build;
  contains(failure_of(build, "FROM scratch\nADD [\"" + repository.url() +
                                 "#--upload-pack=" + trap.program.string() + "\", \"/\"]\n"),
           "invalid git ref");
  // The remote's own idea of its branch.
  std::ofstream(repository.path() / ".git/HEAD") << "ref: refs/heads/--upload-pack=x\n";
  std::ofstream(repository.path() / ".git/refs/heads/--upload-pack=x")
      << repository.git("rev-parse refs/heads/main") << "\n";
  failure_of(build, add_git(repository.url()));
  CHECK_FALSE(trap.sprung());
}

TEST_CASE("a server of nothing but files will do, and hears who asks") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("f", "one\n");
  const std::string first = repository.commit("one");
  repository.write("f", "two\n");
  repository.commit("two");
  repository.git("update-server-info");
  HttpServer files([&](const HttpServer::Request& request) -> HttpServer::Reply {
    if (request.headers.contains("authorization")) {
      CHECK(request.headers.at("authorization") == "Basic eC1hY2Nlc3MtdG9rZW46dG9wc2VjcmV0");
    } else {
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
    }
    const std::string path = request.path.substr(0, request.path.find('?'));
    const fs::path file = repository.path() / path.substr(1);
    if (!fs::is_regular_file(file)) return {.status = 404};
    std::ifstream stream(file, std::ios::binary);
    return {.body = {std::istreambuf_iterator<char>(stream), {}}};
  });
  const std::string url = "http://" + files.address() + "/.git";
  TestBuild build;
  const std::string refused = failure_of(build, add_git(url));
  contains(refused, "does not let us in");
  contains(refused, "GIT_AUTH_TOKEN");
  build.secrets["GIT_AUTH_TOKEN"] = "topsecret";
  build.solve(add_git(url));
  CHECK(build.file("f") == "two\n");
  build.solve(add_git(url + "#" + first));
  CHECK(build.file("f") == "one\n");
  // And it is written down nowhere.
  const std::string found = shell("grep -rlaF -e topsecret -e eC1hY2Nlc3MtdG9rZW46dG9wc2VjcmV0 '" +
                                  build.store().state().root().string() + "' || true");
  CHECK(found == "");
}
