// Steps that write more than anybody wants to read.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

using namespace slipway;

namespace {

// A build whose progress goes through a pipe that is read as the test likes, and never kept.
class PipedBuild {
 public:
  PipedBuild(const Workshop& workshop, const std::vector<std::string>& flags) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    read_ = ends[0];
    std::vector<std::string> words{SLIPWAY_PROGRAM, "--root", workshop.root(), "build"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.push_back(workshop.context());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    const int problem =
        ::posix_spawn(&pid_, SLIPWAY_PROGRAM, &actions, nullptr, pointers.data(), ::environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    REQUIRE(problem == 0);
  }
  PipedBuild(const PipedBuild&) = delete;
  ~PipedBuild() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(read_);
  }

  // Until `text` has gone by; false when the progress ended before.
  bool read_until(const std::string& text) {
    while (tail_.find(text) == std::string::npos) {
      if (!read_some()) return false;
    }
    return true;
  }
  bool read_some() {
    const ssize_t got = ::read(read_, buffer_.data(), buffer_.size());
    if (got <= 0) return false;
    count_ += static_cast<std::uint64_t>(std::count(buffer_.data(), buffer_.data() + got, 'x'));
    tail_.append(buffer_.data(), static_cast<std::size_t>(got));
    if (tail_.size() > 2 * kept) tail_.erase(0, tail_.size() - kept);
    return true;
  }
  std::uint64_t count() const { return count_; }  // of the letter x
  const std::string& tail() const { return tail_; }

  // The exit status; `peak` gets the most memory it had, KiB.
  int wait(long& peak) {
    while (read_some()) {
    }
    int status = 0;
    struct rusage usage {};
    while (::wait4(pid_, &status, 0, &usage) < 0) REQUIRE(errno == EINTR);
    pid_ = -1;
    peak = usage.ru_maxrss;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  static constexpr std::size_t kept = 64 << 10;
  pid_t pid_ = -1;
  int read_ = -1;
  std::array<char, 64 << 10> buffer_{};
  std::string tail_;
  std::uint64_t count_ = 0;
};

// Hears from a step that it has come so far.
class Caller {
 public:
  Caller() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(socket_, 1) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  Caller(const Caller&) = delete;
  ~Caller() { ::close(socket_); }
  const std::string& port() const { return port_; }
  bool has_called() const {
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 120'000) != 1) return false;
    ::close(::accept(socket_, nullptr, nullptr));
    return true;
  }

 private:
  int socket_;
  std::string port_;
};

long peak_of_a_quiet_build(const Workshop& workshop) {
  workshop.write("Dockerfile", "FROM busybox\nRUN true\n");
  PipedBuild build(workshop, {"--progress=plain", "--no-cache"});
  long peak = 0;
  CHECK(build.wait(peak) == 0);
  return peak;
}

}  // namespace

// Far more than slipway may have; SLIPWAY_TEST_FLOOD says how many bytes, for those who have time.
TEST_CASE("a flood without a line's end is all shown, and kept nowhere") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  const long quiet = peak_of_a_quiet_build(workshop);
  const char* chosen = std::getenv("SLIPWAY_TEST_FLOOD");
  const std::string bytes = chosen != nullptr ? chosen : "150000000";
  const std::string flood = "head -c " + bytes + " /dev/zero | tr '\\0' x";
  workshop.write("Dockerfile", "FROM busybox\nRUN " + flood + "; " + flood + " >&2\n");
  for (const char* mode : {"--progress=plain", "--quiet"}) {
    CAPTURE(mode);
    PipedBuild build(workshop, {mode, "--no-cache"});
    long peak = 0;
    CHECK(build.wait(peak) == 0);
    if (std::string(mode) == "--progress=plain") CHECK(build.count() >= 2 * std::stoull(bytes));
    INFO("quiet: ", quiet, " KiB, flood: ", peak, " KiB");
    CHECK(peak < quiet + 16 * 1024);
  }
}

TEST_CASE("short lines by the million are all shown") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  const long quiet = peak_of_a_quiet_build(workshop);
  workshop.write("Dockerfile", "FROM busybox\nRUN yes x | head -n 1000000\n");
  PipedBuild build(workshop, {"--progress=plain"});
  long peak = 0;
  CHECK(build.wait(peak) == 0);
  CHECK(build.count() >= 1'000'000);
  CHECK(peak < quiet + 16 * 1024);
}

TEST_CASE("while nobody reads the progress, a step beside the flood finishes, and memory stays") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  const long quiet = peak_of_a_quiet_build(workshop);
  // Three steps, one after the other, with output of their own; the last one calls.
  Caller beside;
  workshop.write("Dockerfile",
                 "FROM busybox AS flood\n"
                 "RUN yes x | head -c 100000000\n"
                 "FROM busybox AS beside\n"
                 "RUN echo one; sleep 0.5\n"
                 "RUN seq 10000\n"
                 "RUN echo three > /three; echo | nc 127.0.0.1 " + beside.port() + "\n"
                 "FROM busybox\n"
                 "COPY --from=flood /etc/passwd /flood\n"
                 "COPY --from=beside /three /\n");
  PipedBuild build(workshop, {"--progress=plain", "--network=host"});
  REQUIRE(build.read_until(" x\n"));
  // From here on nobody reads.
  CHECK(beside.has_called());
  long peak = 0;
  CHECK(build.wait(peak) == 0);
  CHECK(build.count() >= 50'000'000);
  INFO("quiet: ", quiet, " KiB, flood: ", peak, " KiB");
  CHECK(peak < quiet + 16 * 1024);
}
