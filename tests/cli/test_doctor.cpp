// slipway doctor: a page for people, lines for programs.
#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>

using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct TemporaryRoot {
  TemporaryRoot() {
    std::string name = fs::temp_directory_path() / "slipway-doctor-test-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TemporaryRoot() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

// Sets a variable for what is started meanwhile.
struct Variable {
  Variable(const char* variable, const std::string& value) : name(variable) {
    if (const char* const old = std::getenv(name)) before = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { ::setenv(name, before.c_str(), 1); }
  const char* name;
  std::string before;
};

std::map<std::string, Json> rows_of(const Outcome& outcome) {
  std::map<std::string, Json> rows;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    const Json row = Json::parse(line);
    rows[row["name"]] = row;
  }
  return rows;
}

std::map<std::string, Json> examine(const fs::path& root) {
  return rows_of(run_slipway({"--root", root.string(), "doctor", "--format", "json"}));
}

}  // namespace

TEST_CASE("doctor says the same to people and to programs, and leaves nothing behind") {
  const TemporaryRoot root;
  const std::string store = (root.path / "store").string();
  const Outcome page = run_slipway({"--root", store, "doctor"});
  const Outcome json = run_slipway({"--root", store, "doctor", "--format", "json"});
  CHECK(fs::is_empty(root.path));
  CHECK(page.err == "");
  CHECK(json.status == page.status);

  const auto rows = rows_of(json);
  std::set<std::string> subjects;
  for (const auto& [name, row] : rows) {
    CAPTURE(name);
    subjects.insert(row["subject"]);
    CHECK(page.out.find("  " + row["state"].get<std::string>() + "  " + name + " ") !=
          std::string::npos);
    CHECK_FALSE(row["meaning"].get<std::string>().empty());
    // What does not work says what mends it, and what works has nothing to mend.
    CHECK((row["state"] == "ok") == row["mend"].get<std::string>().empty());
  }
  CHECK(subjects ==
        std::set<std::string>{"users", "steps", "limits", "programs", "platforms", "store"});
  for (const char* name :
       {"rights", "user namespaces", "ids", "overlayfs", "seccomp", "sandbox", "chroot",
        "control groups", "--memory", "--cpus", "--pids-limit", "slirp4netns", "pasta", "git",
        "ssh agent", "linux/amd64", "linux/arm64", "directory", "room"}) {
    CAPTURE(name);
    CHECK(rows.contains(name));
  }
  // The status is about RUN alone.
  const bool runs = rows.at("sandbox")["state"] == "ok" || rows.at("chroot")["state"] == "ok";
  CHECK(json.status == (runs ? 0 : 1));
  CHECK((page.out.find("RUN can be executed here") != std::string::npos) == runs);
}

TEST_CASE("doctor starts a program before it says that it is there") {
  const TemporaryRoot root;
  const fs::path git = root.path / "git";
  std::FILE* const file = std::fopen(git.c_str(), "w");
  REQUIRE(file != nullptr);
  std::fputs("#!/bin/sh\nexit 3\n", file);
  std::fclose(file);
  fs::permissions(git, fs::perms::all);
  const Variable path("PATH", root.path.string());
  auto rows = examine(root.path / "store");
  CHECK(rows["git"]["state"] == "no");
  CHECK(rows["git"]["meaning"].get<std::string>().find("ended with 3") != std::string::npos);
  CHECK(rows["git"]["mend"] == "apt install git");
  CHECK(rows["pasta"]["state"] == "no");
  CHECK(rows["pasta"]["meaning"].get<std::string>().find("not installed") != std::string::npos);
}

TEST_CASE("doctor asks the SSH agent for its keys") {
  const TemporaryRoot root;
  const fs::path store = root.path / "store";
  {
    const Variable agent("SSH_AUTH_SOCK", (root.path / "nobody").string());
    auto rows = examine(store);
    CHECK(rows["ssh agent"]["state"] == "no");
    CHECK(rows["ssh agent"]["meaning"].get<std::string>().find("connect") != std::string::npos);
  }
  const fs::path socket = root.path / "agent";
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, socket.c_str());
  REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(::listen(listener, 4) == 0);
  const pid_t server = ::fork();
  REQUIRE(server >= 0);
  if (server == 0) {
    ::alarm(60);
    const int caller = ::accept(listener, nullptr, nullptr);
    char question[5];
    const ssize_t got = ::recv(caller, question, sizeof(question), MSG_WAITALL);
    const char answer[] = {0, 0, 0, 5, 12, 0, 0, 0, 2};
    const bool good = got == 5 && question[4] == 11;
    ::_exit(good && ::write(caller, answer, sizeof(answer)) == sizeof(answer) ? 0 : 1);
  }
  {
    const Variable agent("SSH_AUTH_SOCK", socket.string());
    auto rows = examine(store);
    CHECK(rows["ssh agent"]["state"] == "ok");
    CHECK(rows["ssh agent"]["meaning"].get<std::string>().find("2 keys") != std::string::npos);
  }
  ::close(listener);
  int status = -1;
  CHECK(::waitpid(server, &status, 0) == server);
  CHECK(status == 0);
}

TEST_CASE("doctor says where a store cannot be") {
  const TemporaryRoot root;
  std::FILE* const file = std::fopen((root.path / "store").c_str(), "w");
  REQUIRE(file != nullptr);
  std::fclose(file);
  auto rows = examine(root.path / "store" / "below");
  CHECK(rows["directory"]["state"] == "no");
  CHECK(rows["directory"]["meaning"].get<std::string>().find("is no directory") !=
        std::string::npos);

  auto broken = examine("/proc/store");
  CHECK(broken["directory"]["state"] == "no");
  CHECK(broken["overlayfs"]["state"] == "no");
  CHECK(broken["sandbox"]["state"] == "no");
}

TEST_CASE("doctor refuses a format that it does not know") {
  const Outcome outcome = run_slipway({"doctor", "--format", "yaml"});
  CHECK(outcome.status != 0);
  CHECK(outcome.err.find("yaml") != std::string::npos);
}
