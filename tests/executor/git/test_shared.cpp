// The store's own repository for each remote: what is fetched, what is not fetched again, and that
// neither other processes nor a sudden end nor damage break it.
#include "git_build.hpp"
#include "git_server.hpp"

#include <cache/state_directory.hpp>
#include <executor/git/git_sources.hpp>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <random>
#include <thread>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

std::string random_text(std::size_t length, unsigned seed) {
  std::mt19937 engine(seed);
  std::string text(length, '\0');
  for (char& c : text) c = static_cast<char>('!' + engine() % 90);
  return text;
}

std::uintmax_t size_below(const fs::path& folder) {
  std::uintmax_t size = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) size += entry.file_size();
  return size;
}

FetchGit fetch_of(const std::string& remote, const std::string& ref) {
  FetchGit fetch;
  fetch.remote = remote;
  fetch.ref = ref;
  return fetch;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The content of `f` in that commit, by way of the state directory's repository.
std::string checked_out(const fs::path& root, const FetchGit& wanted) {
  StateDirectory state(root);
  GitSources sources(state);
  const Staging staging(state.fresh_work_path());
  sources.check_out(sources.resolve(wanted, {}), staging, {});
  return read_file(staging.upper() / "f");
}

}  // namespace

TEST_CASE("a branch that has not moved is asked for and not fetched; one that has is") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("f", "one\n");
  repository.commit("one");
  TestBuild build;
  const std::string dockerfile = add_git(repository.url() + "#main");
  CHECK(build.solve(dockerfile).size() == 2);  // the repository, and the ADD
  CHECK(server.connections() == 2);            // what the branch is, and the commit
  build.reopen();
  CHECK(build.solve(dockerfile).empty());
  CHECK(server.connections() == 3);
  repository.write("f", "two\n");
  repository.commit("two");
  CHECK(build.solve(dockerfile).size() == 2);
  CHECK(build.file("f") == "two\n");
  CHECK(server.connections() == 5);
  // Another commit with the same files: what comes after it hits.
  repository.git("commit -q --allow-empty -m three");
  CHECK(build.solve(dockerfile).size() == 1);
}

TEST_CASE("a commit that was built once needs no server, nor the same one") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("f", "one\n");
  const std::string commit = repository.commit("one");
  TestBuild build;
  build.solve(add_git(repository.url() + "#main"));
  server.stop();
  CHECK(build.solve(add_git(repository.url() + "#" + commit)).empty());
  CHECK(build.solve(add_git("https://mirror.invalid/r.git#" + commit)).empty());
  // .git says where it is from.
  CHECK_THROWS_AS(build.solve(add_git("https://mirror.invalid/r.git#" + commit, "--keep-git-dir")),
                  Error);
}

TEST_CASE("a second commit costs what changed") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("big", random_text(1 << 20, 1));
  repository.write("f", "one\n");
  repository.commit("one");
  TestBuild build;
  build.solve(add_git(repository.url()));
  const fs::path kept = build.store().state().root() / "git";
  const std::uintmax_t before = size_below(kept);
  CHECK(before > (1 << 19));
  repository.write("f", "two\n");
  repository.commit("two");
  build.solve(add_git(repository.url()));
  CHECK(size_below(kept) - before < 10'000);
}

TEST_CASE("one build sees one commit of a branch, in whatever it takes from it") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("a/f", "a");
  repository.write("b/g", "b");
  repository.commit("one");
  TestBuild build;
  build.solve("FROM scratch\nADD " + repository.url() + "#main:a /\nADD " + repository.url() +
              "#main:b /\n");
  CHECK(build.file("f") == "a");
  CHECK(build.file("g") == "b");
  CHECK(server.connections() == 2);
}

TEST_CASE("a branch that moves between the question and the fetch gives what was answered") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("f", "one\n");
  repository.commit("one");
  const TemporaryFolder folder;
  StateDirectory state(folder.path() / "state");
  GitSources sources(state);
  const FetchGit resolved = sources.resolve(fetch_of(repository.url(), "main"), {});
  repository.write("f", "two\n");
  repository.git("commit -q -a --amend -m two");
  const Staging staging(state.fresh_work_path());
  sources.check_out(resolved, staging, {});
  CHECK(read_file(staging.upper() / "f") == "one\n");

  // And if the server has it no more, that is said.
  const FetchGit gone = sources.resolve(fetch_of(repository.url(), "main"), {});
  CHECK(gone.commit == resolved.commit);
  GitSources later(state);
  const FetchGit second = later.resolve(fetch_of(repository.url(), "main"), {});
  repository.write("f", "three\n");
  repository.git("commit -q -a --amend -m three");
  repository.git("reflog expire --expire=now --all");
  repository.git("gc -q --prune=now");
  const Staging another(state.fresh_work_path());
  CHECK_THROWS_WITH_AS(later.check_out(second, another, {}),
                       doctest::Contains("does not contain commit"), Error);
}

TEST_CASE("several at once use one repository, one after the other") {
  GitServer server;
  const auto repository = server.repository("r");
  std::vector<std::string> commits;
  for (int i = 0; i < 4; ++i) {
    repository.write("f", std::to_string(i));
    commits.push_back(repository.commit("x"));
  }
  const TemporaryFolder folder;
  std::vector<std::string> found(8);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < found.size(); ++i) {
    threads.emplace_back([&, i] {
      found[i] = checked_out(folder.path() / "state", fetch_of(repository.url(), commits[i % 4]));
    });
  }
  threads.clear();
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == std::to_string(i % 4));
}

TEST_CASE("killed at any moment, it leaves nothing that is in the way of the next one") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("big", random_text(3 << 20, 2));
  for (int i = 0; i < 200; ++i) repository.write("d/" + std::to_string(i), random_text(500, 3));
  const TemporaryFolder folder;
  const fs::path root = folder.path() / "state";
  for (int i = 0; i < 12; ++i) {
    repository.write("f", std::to_string(i));
    const std::string commit = repository.commit("x");
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      try {
        checked_out(root, fetch_of(repository.url(), commit));
      } catch (...) {
      }
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5 + 9 * i));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CHECK(checked_out(root, fetch_of(repository.url(), commit)) == std::to_string(i));
  }
  for (const auto& entry : fs::directory_iterator(root / "git")) {
    if (entry.is_directory())
      CHECK_NOTHROW(
          shell("git -C '" + entry.path().string() + "' fsck --full --connectivity-only"));
  }
}

TEST_CASE("locks that a dead git left are removed") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("f", "one");
  repository.commit("one");
  const TemporaryFolder folder;
  const fs::path root = folder.path() / "state";
  checked_out(root, fetch_of(repository.url(), "main"));
  for (const auto& entry : fs::directory_iterator(root / "git")) {
    if (!entry.is_directory()) continue;
    for (const char* lock : {"shallow.lock", "packed-refs.lock", "HEAD.lock"})
      std::ofstream(entry.path() / lock) << "x";
  }
  repository.write("f", "two");
  repository.commit("two");
  CHECK(checked_out(root, fetch_of(repository.url(), "main")) == "two");
}

TEST_CASE("a damaged repository is made anew") {
  GitServer server;
  const auto repository = server.repository("r");
  repository.write("f", "one");
  const std::string commit = repository.commit("one");
  const TemporaryFolder folder;
  const fs::path root = folder.path() / "state";
  checked_out(root, fetch_of(repository.url(), commit));
  for (const auto& entry : fs::directory_iterator(root / "git"))
    if (entry.is_directory()) fs::remove_all(entry.path() / "objects");
  CHECK(checked_out(root, fetch_of(repository.url(), commit)) == "one");
  for (const auto& entry : fs::directory_iterator(root / "git"))
    if (entry.is_directory()) std::ofstream(entry.path() / "config") << "[broken";
  CHECK(checked_out(root, fetch_of(repository.url(), commit)) == "one");
}

TEST_CASE("a server that says nothing holds nobody up who wants to stop") {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(::listen(listener, 8) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  const std::string url = "git://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/r";

  const TemporaryFolder folder;
  StateDirectory state(folder.path() / "state");
  GitSources sources(state);
  const auto began = std::chrono::steady_clock::now();
  const GitListener impatient{
      [&] { return std::chrono::steady_clock::now() - began > std::chrono::milliseconds(300); },
      {}};
  CHECK_THROWS_AS(sources.resolve(fetch_of(url, "main"), impatient), Error);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(10));

  // By itself it gives up too.
  GitCommand command = GitRemote(url, nullptr, {}).command({"ls-remote", "--", "origin"});
  command.patience = std::chrono::seconds(1);
  CHECK_THROWS_WITH_AS(run_git(command, {}), doctest::Contains("for 1 seconds"), Error);
  // Neither left a process behind that still holds its connection.
  ::close(listener);
  CHECK(shell("grep -la '" + url.substr(6) + "' /proc/[0-9]*/environ || true") == "");
}

TEST_CASE("where there is no git, that is what is said") {
  const char* path = std::getenv("PATH");
  const std::string before = path != nullptr ? path : "";
  ::setenv("PATH", "/nowhere:.:", 1);
  TestBuild build;
  const std::string text = failure_of(build, add_git("git://127.0.0.1:1/r"));
  ::setenv("PATH", before.c_str(), 1);
  CHECK(text.find("git is not installed") != std::string::npos);
}
