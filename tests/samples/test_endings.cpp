// Builds that end before they are done: by their time, by a signal. Nothing of them is left.
#include "at_terminal.hpp"
#include "mounts.hpp"
#include "workshop.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A number that no other program sleeps for, so that its processes are found by it.
std::string unique_time() {
  return "97" + std::to_string(::getpid());
}

// As much as there is: what /proc has of a process may end at any moment.
std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Processes of this machine with unique_time() among their arguments.
std::size_t sleepers() {
  std::size_t count = 0;
  std::error_code gone;
  for (fs::directory_iterator entry("/proc", gone), end; entry != end; entry.increment(gone)) {
    const std::string name = entry->path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (has(content(entry->path() / "cmdline"), unique_time() + '\0')) ++count;
  }
  return count;
}

bool await_sleepers(std::size_t number) {
  for (int tries = 0; tries < 1200 && sleepers() != number; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  return sleepers() == number;
}

// How many control groups the build's steps have, of whatever version.
std::size_t groups_of(pid_t build) {
  const std::string start = "slipway-step-" + std::to_string(build) + "-";
  std::size_t found = 0;
  const auto none = fs::directory_options::skip_permission_denied;
  std::error_code gone;
  for (fs::recursive_directory_iterator entry("/sys/fs/cgroup", none, gone), end; entry != end;
       entry.increment(gone)) {
    if (entry->path().filename().string().starts_with(start)) ++found;
  }
  return found;
}

// Two stages with a step that sleeps in each: one alone, one with daemons that ignore signals.
void write_sleepers(const Workshop& workshop) {
  const std::string asleep = "sleep " + unique_time();
  workshop.write("Dockerfile",
                 "FROM busybox AS one\n"
                 "RUN echo kept > /kept\n"
                 "RUN " +
                     asleep +
                     "\n"
                     "FROM busybox AS two\n"
                     "RUN trap '' 1 2 15; for i in 1 2 3; do setsid " +
                     asleep +
                     " & done; wait\n"
                     "FROM busybox\n"
                     "COPY --from=one /kept /\n"
                     "COPY --from=two /etc/passwd /two\n");
}
constexpr std::size_t all_sleepers = 4;

// The programs that connect steps of this slipway to the network.
std::vector<pid_t> connectors_of(pid_t slipway) {
  std::vector<pid_t> found;
  std::error_code gone;
  for (fs::directory_iterator entry("/proc", gone), end; entry != end; entry.increment(gone)) {
    const std::string name = entry->path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string status = content(entry->path() / "status");
    // pasta is a name of passt.
    const bool connects =
        status.starts_with("Name:\tslirp4netns\n") || status.starts_with("Name:\tpas");
    if (connects && has(status, "\nPPid:\t" + std::to_string(slipway) + "\n")) {
      found.push_back(std::stoi(name));
    }
  }
  return found;
}

// Whether the machine has such a network: processes in it, as far as this user may see.
bool has_network(const fs::path& network) {
  std::error_code gone;
  for (fs::directory_iterator entry("/proc", gone), end; entry != end; entry.increment(gone)) {
    if (fs::read_symlink(entry->path() / "ns/net", gone) == network) return true;
  }
  return false;
}

// Of the step that sleeps.
fs::path network_of_sleepers() {
  std::error_code gone;
  for (fs::directory_iterator entry("/proc", gone), end; entry != end; entry.increment(gone)) {
    if (content(entry->path() / "cmdline") ==
        "sleep" + std::string(1, '\0') + unique_time() + '\0') {
      return fs::read_symlink(entry->path() / "ns/net", gone);
    }
  }
  return {};
}

template <class Condition>
bool await(const Condition& condition) {
  for (int tries = 0; tries < 800 && !condition(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  return condition();
}

}  // namespace

TEST_CASE("a build that takes longer than it may is ended, says where, and keeps what was done") {
  SKIP_UNLESS_ROOT();
  const MountsOfOurOwn mounts;
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN echo kept > /kept\n"
                 "RUN trap '' TERM; sleep " +
                     unique_time() + " & wait\n");
  const Built built = workshop.build({"--timeout", "5s"});
  INFO(built.log);
  CHECK(built.status == 1);
  CHECK(has(built.log,
            "Dockerfile:3:1: error: the build took longer than --timeout 5s and was ended in "
            "\"[3/3] RUN trap"));
  CHECK(has(built.log, "hint: what was finished is in the cache"));
  CHECK(sleepers() == 0);
  CHECK(mounts.added(workshop.folder()) == "");
  workshop.write("Dockerfile", "FROM busybox\nRUN echo kept > /kept\nRUN wc -c /kept\n");
  const Built next = workshop.build({"--timeout", "10m"});
  CHECK(next.status == 0);
  CHECK(next.hits == 1);
}

TEST_CASE("a step that takes longer than it may fails as one, and not those beside it") {
  SKIP_UNLESS_ROOT();
  const MountsOfOurOwn mounts;
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox AS late\n"
                 "RUN echo the last words; sleep " +
                     unique_time() +
                     "\n"
                     "FROM busybox AS steady\n"
                     "RUN sleep 0.7; echo one > /one\n"
                     "RUN sleep 0.7; echo two > /two\n"
                     "RUN sleep 0.7; echo three > /three\n"
                     "FROM busybox\n"
                     "COPY --from=steady /three /\n"
                     "COPY --from=late / /late\n");
  const Built built = workshop.build({"--step-timeout", "2s", "--keep-going"});
  INFO(built.log);
  CHECK(built.status == 1);
  CHECK(has(built.log, "Dockerfile:2:1: error: \"[late 2/2] RUN echo the last words; sleep"));
  CHECK(has(built.log, "took longer than --step-timeout 2s and was ended"));
  CHECK(has(built.log, "\nthe last words\n"));
  CHECK(sleepers() == 0);
  CHECK(mounts.added(workshop.folder()) == "");
  CHECK(workshop.build({"--target", "steady"}).misses == 0);
}

TEST_CASE("a step that ends in time knows of no limit") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN echo done > /done\n");
  const Built timed = workshop.build({"--timeout", "10m", "--step-timeout", "10m"});
  CHECK(timed.status == 0);
  const Built plain = workshop.build();
  CHECK(plain.misses == 0);
  CHECK(plain.image == timed.image);
}

TEST_CASE("a signal to slipway ends every process of its steps and unmounts all") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  write_sleepers(workshop);
  const MountsOfOurOwn mounts;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGKILL}) {
    CAPTURE(signal);
    Workshop::Running running = workshop.start_build();
    REQUIRE(await_sleepers(all_sleepers));
    running.program.kill(signal);
    const Built ended = running.finish();
    CHECK(ended.status != 0);
    if (signal == SIGINT || signal == SIGTERM) {
      // By when it ends itself all is gone.
      CHECK(has(ended.log, "error: the build was interrupted"));
      CHECK(sleepers() == 0);
    }
    // Else the kernel does it a moment later.
    CHECK(await_sleepers(0));
    CHECK(mounts.added(workshop.folder()) == "");
  }
  // What was finished before is still there, and the state is sound.
  workshop.write("Dockerfile", "FROM busybox AS one\nRUN echo kept > /kept\n");
  CHECK(workshop.build().misses == 0);
  CHECK(workshop.slipway({"fsck"}).status == 0);
}

TEST_CASE(
    "Ctrl-C ends the waiting for a cache that does not answer, and the terminal is as before") {
  SKIP_UNLESS_ROOT();
  // The kernel accepts connections, and nobody answers.
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(server >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(server, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(server, 16) == 0);
  REQUIRE(::getsockname(server, reinterpret_cast<sockaddr*>(&address), &size) == 0);

  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN echo made > /made\n");
  AtTerminal person({SLIPWAY_PROGRAM, "--root", workshop.root().string(), "build", "-t", "made",
                     "--cache-to",
                     "type=http,url=http://127.0.0.1:" + std::to_string(::ntohs(address.sin_port)),
                     workshop.context().string()});
  CHECK(person.shows("exporting cache"));
  CHECK(person.shows("Ctrl-C ends it"));
  person.type("\x03");
  CHECK(person.shows("interrupted: 1 not sent"));
  CHECK(person.wait() == 128 + SIGINT);
  CHECK(has(person.all(), "cache: 0 hits, 1 miss"));
  CHECK(person.all().rfind("\x1b[?25h") > person.all().rfind("\x1b[?25l"));
  ::close(server);
  CHECK(workshop.slipway({"inspect", "made"}).status == 0);
}

TEST_CASE("the network that a step uses ends with the build, however that ends") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  // Nobody has this address (RFC 5737): it is enough that something is sent to it.
  workshop.write("Dockerfile", "FROM busybox\nRUN nc -w 900 192.0.2.1 9 < /dev/null & sleep " +
                                   unique_time() + "\n");
  const MountsOfOurOwn mounts;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGKILL}) {
    CAPTURE(signal);
    Workshop::Running running = workshop.start_build();
    std::vector<pid_t> connectors;
    fs::path network;
    REQUIRE(await([&] {
      connectors = connectors_of(running.program.id());
      network = network_of_sleepers();
      return !connectors.empty() && !network.empty();
    }));
    CHECK(network != fs::read_symlink("/proc/self/ns/net"));
    running.program.kill(signal);
    CHECK(running.finish().status != 0);
    for (const pid_t one : connectors) CHECK(await([one] { return ::kill(one, 0) != 0; }));
    CHECK(await([&] { return !has_network(network); }));
    CHECK(await_sleepers(0));
    CHECK(mounts.added() == "");
  }
}

TEST_CASE("the control groups of a build that was killed are removed by the next one") {
  SKIP_UNLESS_ROOT();
  ROOT_ALONE("makes control groups");
  Workshop workshop;
  write_sleepers(workshop);
  Workshop::Running running = workshop.start_build({"--pids-limit", "100"});
  if (!await_sleepers(all_sleepers)) {
    const Built refused = running.finish();
    REQUIRE(has(refused.log, "cannot be held"));
    MESSAGE("skipped: " << refused.log);
    return;
  }
  const pid_t build = running.program.id();
  CHECK(groups_of(build) >= 2);
  running.program.kill(SIGKILL);
  running.finish();
  CHECK(await_sleepers(0));
  // One that asks for no limits. Any other build on this machine does it as well, if it comes first.
  workshop.write("Dockerfile", "FROM busybox\nRUN true\n");
  CHECK(workshop.build().status == 0);
  CHECK(groups_of(build) == 0);
}
