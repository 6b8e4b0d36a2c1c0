#include "standing.hpp"

#include <executor/containers/start.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <new>

using namespace slipway;

TEST_CASE("a joined process is in all of the container's namespaces, and under nobody there") {
  SKIP_WITHOUT_RIGHTS();
  Standing standing;
  CHECK(standing.run("hostname; exit 7") == "standing\n=7");
  // With one id there is somebody who answers for the others.
  if (rights.space.ids != Ids::own) CHECK(standing.run("echo $PPID") == "0\n=0");
  const std::string theirs = std::to_string(standing.process());
  const std::string spaces = standing.run(
      "readlink /proc/self/ns/mnt /proc/self/ns/pid "
      "/proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/uts");
  std::string wanted;
  for (const char* name : {"mnt", "pid", "net", "ipc", "uts"}) {
    std::array<char, 64> link{};
    const std::string path = "/proc/" + theirs + "/ns/" + name;
    REQUIRE(::readlink(path.c_str(), link.data(), link.size() - 1) > 0);
    wanted += std::string(link.data()) + "\n";
  }
  CHECK(spaces == wanted + "=0");
}

TEST_CASE("nothing but three streams is handed in, and no group, variable or folder of ours") {
  SKIP_WITHOUT_RIGHTS();
  // Without O_CLOEXEC, as a library may open one.
  const int careless = ::open("/", O_RDONLY | O_DIRECTORY);
  REQUIRE(careless >= 0);
  ::setenv("SLIPWAY_SECRET", "x", 1);
  Standing standing;
  CHECK(
      standing.run("cd /proc/self/fd && for f in *; do [ -e $f ] && printf '%s ' $f; done; true") ==
      "0 1 2 =0");
  CHECK(standing.run("env | grep -c SECRET; pwd") == "0\n/\n=0");
  ::unsetenv("SLIPWAY_SECRET");
  ::close(careless);
}

TEST_CASE("a joined process has the rights of a container, and all with privileged") {
  SKIP_WITHOUT_RIGHTS();
  Standing standing;
  const std::string show =
      "grep -E '^(CapBnd|CapInh|CapAmb|Seccomp):' /proc/self/status | tr -d '\\t'";
  CHECK(standing.run(show) ==
        "CapInh:0000000000000000\nCapBnd:00000000a80425fb\n"
        "CapAmb:0000000000000000\nSeccomp:2\n=0");
  ExecRequest request;
  request.arguments = {"/bin/sh", "-c", "mount -t tmpfs none /mnt"};
  CHECK(standing.run(request).find("=0") == std::string::npos);
  request.privileged = true;
  CHECK(standing.run(request) == "=0");
}

TEST_CASE(
    "user, environment and working directory are the container's, but for what is asked for") {
  SKIP_WITHOUT_RIGHTS();
  ContainerConfig config;
  config.environment = {"FIRST=1", "SECOND=2"};
  config.working_directory = "/usr";
  config.hostname = "named";
  Standing standing([] {}, config);
  const std::string show = "echo $FIRST $SECOND $HOSTNAME; pwd; id -u";
  CHECK(standing.run(show) == "1 2 named\n/usr\n0\n=0");
  ExecRequest request;
  request.arguments = {"sh", "-c", show};
  request.environment = {"SECOND=two", "FIRST"};
  request.working_directory = "/etc";
  if (rights.space.ids != Ids::own) request.user = "65534:12";
  CHECK(standing.run(request) ==
        std::string("two named\n/etc\n") + (rights.space.ids == Ids::own ? "0" : "65534") + "\n=0");
}

TEST_CASE("what cannot be started says why, with docker's status") {
  SKIP_WITHOUT_RIGHTS();
  Standing standing;
  const auto status = [&](ExecRequest request) {
    try {
      standing.run(request);
    } catch (const NotStarted& error) {
      return error.status();
    }
    return 0;
  };
  ExecRequest request;
  request.arguments = {"no-such-program"};
  CHECK(status(request) == 127);
  request.arguments = {"/no/such/program"};
  CHECK(status(request) == 127);
  request.arguments = {"/etc/passwd"};
  CHECK(status(request) == 126);
  request.arguments = {"/bin/true"};
  request.working_directory = "/no/such/folder";
  CHECK(status(request) == 126);
  request.working_directory = "";
  request.user = "nobody-of-that-name";
  CHECK(status(request) == 126);
  request.user = "";
  CHECK(standing.run(request) == "=0");
}

TEST_CASE("a number that another process has by now is not joined") {
  SKIP_WITHOUT_RIGHTS();
  Standing standing;
  standing.set([](ContainerState& state) { ++state.process.start; });
  CHECK_THROWS_WITH_AS(standing.run("true"), doctest::Contains("is not running"), Error);
  standing.set([](ContainerState& state) { --state.process.start; });
  CHECK(standing.run("true") == "=0");
  standing.set([](ContainerState& state) { state.status = ContainerStatus::paused; });
  CHECK_THROWS_WITH_AS(standing.run("true"), doctest::Contains("is paused"), Error);
  standing.set([](ContainerState& state) { state.status = ContainerStatus::running; });
  standing.end();
  CHECK_THROWS_WITH_AS(standing.run("true"), doctest::Contains("is not running"), Error);
}

TEST_CASE("a process of this machine itself is never joined") {
  SKIP_WITHOUT_RIGHTS();
  Standing standing;
  const auto self = HeldProcess::open(::getpid());
  REQUIRE(self);
  standing.set([&](ContainerState& state) {
    state.process = {self->pid(), parse_process_facts(self->read("stat"))->start};
  });
  CHECK_THROWS_WITH_AS(standing.run("true"), doctest::Contains("no process of a container"), Error);
}

TEST_CASE("signals reach the program; it ends with its owner unless it was let go") {
  SKIP_WITHOUT_RIGHTS();
  Standing standing;
  ExecRequest request;
  request.arguments = {"/bin/sh", "-c",
                       "trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done"};
  Pipe output = make_pipe();
  request.output = output.write.get();
  const auto await_ready = [&] {
    std::array<char, 6> text{};
    std::size_t used = 0;
    while (used < text.size()) {
      const ssize_t got = ::read(output.read.get(), text.data() + used, text.size() - used);
      REQUIRE(got > 0);
      used += static_cast<std::size_t>(got);
    }
  };
  {
    const auto joined = standing.join(request);
    await_ready();
    joined->signal(SIGUSR1);
    CHECK(joined->wait() == 9);
  }
  std::optional<HeldProcess> program;
  {
    const auto joined = standing.join(request);
    await_ready();
    program = HeldProcess::open(joined->pid());
    REQUIRE(program);
  }
  const auto has_ended = [](const HeldProcess& process, int patience) {
    pollfd ended = {process.descriptor(), POLLIN, 0};
    return ::poll(&ended, 1, patience) == 1;
  };
  CHECK(has_ended(*program, 10'000));
  {
    const auto joined = standing.join(request);
    await_ready();
    program = HeldProcess::open(joined->pid());
    REQUIRE(program);
    joined->let_go();
  }
  CHECK_FALSE(has_ended(*program, 100));
  standing.end();
  CHECK(has_ended(*program, 10'000));
}

TEST_CASE("a terminal is one of the container's own, whatever lies at /dev/pts") {
  SKIP_WITHOUT_RIGHTS();
  ExecRequest request;
  request.arguments = {"/bin/sh", "-c", "tty; stty size; test -e \"$(tty)\" && echo there; exit 3"};
  request.terminal = true;
  request.size = {31, 77};
  const auto shown = [](JoinedProcess& joined) {
    std::string text;
    for (;;) {
      pollfd waiting = {joined.terminal(), POLLIN, 0};
      ::poll(&waiting, 1, 10'000);
      std::array<char, 4096> bytes;
      const ssize_t got = ::read(joined.terminal(), bytes.data(), bytes.size());
      if (got <= 0) return text;
      text.append(bytes.data(), static_cast<std::size_t>(got));
    }
  };
  {
    Standing standing;
    const auto joined = standing.join(request);
    CHECK(shown(*joined) == "/dev/pts/0\r\n31 77\r\nthere\r\n");
    CHECK(joined->wait() == 3);
  }
  Standing hostile([] {
    // Over it a file system of the container's choice.
    ::mount("tmpfs", "/dev/pts", "tmpfs", 0, nullptr);
    ::symlink("/dev/zero", "/dev/pts/ptmx");
  });
  CHECK_THROWS_WITH_AS(hostile.join(request), doctest::Contains("no terminals of its own"), Error);
  Standing link([] {
    ::mount("tmpfs", "/dev", "tmpfs", 0, nullptr);
    ::symlink("/proc/1/root", "/dev/pts");
  });
  CHECK_THROWS_WITH_AS(link.join(request), doctest::Contains("no terminals of its own"), Error);
}

TEST_CASE("files of the container that are read are bounded, and no pipe or device holds anybody") {
  SKIP_WITHOUT_RIGHTS();
  const auto over = [](const std::function<void()>& make) {
    return [make] {
      ::mount("tmpfs", "/etc", "tmpfs", 0, nullptr);
      make();
    };
  };
  ExecRequest named;
  named.arguments = {"/bin/sh", "-c", "id -u"};
  named.user = "daemon";
  Standing huge(over([] {
    const int file = ::open("/etc/passwd", O_WRONLY | O_CREAT, 0644);
    if (file < 0 || ::ftruncate(file, off_t{1} << 40) != 0) ::_exit(1);
  }));
  CHECK_THROWS_WITH_AS(huge.join(named), doctest::Contains("is larger than"), NotStarted);
  CHECK(huge.run("id -u") == "0\n=0");
  Standing pipe(over([] { ::mkfifo("/etc/passwd", 0644); }));
  CHECK_THROWS_AS(pipe.join(named), NotStarted);
  Standing outside(over([] { ::symlink("/proc/self/environ", "/etc/passwd"); }));
  CHECK_THROWS_AS(outside.join(named), NotStarted);
}

TEST_CASE("a working directory by a descriptor leads nowhere outside") {
  SKIP_WITHOUT_RIGHTS();
  const int host = ::open("/", O_RDONLY | O_DIRECTORY);
  Standing standing;
  ExecRequest request;
  request.arguments = {"/bin/sh", "-c", "pwd"};
  for (int number = 0; number < 20; ++number) {
    request.working_directory = "/proc/self/fd/" + std::to_string(number);
    CHECK_THROWS_AS(standing.run(request), NotStarted);
  }
  ::close(host);
}

namespace {

// What somebody in the container has seen of slipway-init, before the program is executed.
struct Seen {
  std::atomic<int> times{0};
  std::atomic<int> rights{0};       // more than the container's
  std::atomic<int> descriptors{0};  // other ones than its streams
  std::atomic<int> programs{0};     // could be opened for writing
  std::atomic<int> folders{0};      // outside of the container
};

std::string small_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 8192> text;
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : -1;
  return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

std::string link_of(const std::string& path) {
  std::array<char, 512> text{};
  return ::readlink(path.c_str(), text.data(), text.size() - 1) > 0 ? text.data() : "";
}

void look_at(const std::string& process, Seen& seen) {
  const auto is_init = [&process] {
    return link_of(process + "/exe").starts_with("/memfd:slipway-init");
  };
  if (!is_init()) return;
  const std::string status = small_file(process + "/status");
  const auto value = [&status](const std::string& name) {
    const std::size_t at = status.find("\n" + name + ":\t");
    return at == status.npos ? std::string() : status.substr(at + name.size() + 3, 16);
  };
  // It may have ended, or executed its program, while it was looked at.
  const bool has_more = value("CapBnd") != "00000000a80425fb" || !value("Seccomp").starts_with("2");
  int others = 0;
  std::error_code failed;
  for (const auto& one : std::filesystem::directory_iterator(process + "/fd", failed)) {
    const std::string leads_to = link_of(one.path());
    if (!leads_to.starts_with("pipe:") && leads_to != "/dev/null" && !leads_to.empty()) ++others;
  }
  const int program = ::open((process + "/exe").c_str(), O_WRONLY | O_CLOEXEC);
  const std::string folder = link_of(process + "/cwd");
  const std::string root = link_of(process + "/root");
  const bool still = is_init();
  if (program >= 0) ::close(program);
  if (!still || status.empty()) return;
  ++seen.times;
  if (has_more) ++seen.rights;
  if (others > 0) ++seen.descriptors;
  if (program >= 0) ++seen.programs;
  if ((!folder.empty() && folder != "/") || (!root.empty() && root != "/")) ++seen.folders;
}

}  // namespace

// CVE-2016-9962, CVE-2019-5736, CVE-2024-21626: with every capability there is, in the container.
TEST_CASE("nobody in the container ever sees more of who joins than a process of the container") {
  SKIP_WITHOUT_RIGHTS();
  void* const memory =
      ::mmap(nullptr, sizeof(Seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  Seen& seen = *new (memory) Seen;
  {
    Standing standing([&seen] {
      if (::fork() != 0) return;
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const std::string self = "/proc/" + std::to_string(::getpid());
      for (;;) {
        std::error_code failed;
        for (const auto& one : std::filesystem::directory_iterator("/proc", failed)) {
          const std::string path = one.path();
          const char first = one.path().filename().string().front();
          if (first >= '0' && first <= '9' && path != "/proc/1" && path != self) {
            look_at(path, seen);
          }
        }
      }
    });
    // As often as it takes for it to be seen.
    for (int joins = 0; joins < 200 && seen.times < 3; ++joins) {
      REQUIRE(standing.run("exit 4") == "=4");
    }
  }
  MESSAGE("seen " << seen.times.load() << " times");
  CHECK(seen.rights == 0);
  // Who answers for ids has descriptors to do so, and no more rights for it.
  if (rights.space.ids != Ids::own) CHECK(seen.descriptors == 0);
  CHECK(seen.programs == 0);
  CHECK(seen.folders == 0);
  ::munmap(memory, sizeof(Seen));
}
