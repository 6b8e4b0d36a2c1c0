#include "../../cache/temporary_folder.hpp"
#include "../rights.hpp"

#include <cache/containers/store.hpp>
#include <cache/store.hpp>
#include <executor/containers/join.hpp>
#include <executor/containers/joined_root.hpp>
#include <executor/containers/processes.hpp>
#include <executor/containers/start.hpp>
#include <executor/spawn.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <optional>
#include <string>

using namespace slipway;

namespace {

#define SKIP_WITHOUT_RIGHTS()               \
  if (!rights.missing.empty()) {            \
    MESSAGE("skipped: " << rights.missing); \
    return;                                 \
  }                                         \
  static_assert(true)

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

// What stands for a container: a process in namespaces of its own upon this machine's files, and
// the state that a monitor writes of it. `prepare` is its first deed.
class Standing {
 public:
  explicit Standing(
      const std::function<void()>& prepare = [] {}, ContainerConfig config = {})
      : store_(folder_.path() / "store") {
    Pipe ready = make_pipe();
    const long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
    process_ = static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0));
    REQUIRE(process_ >= 0);
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
      ::mount("proc", "/proc", "proc", 0, nullptr);
      ::mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620");
      ::sethostname("standing", 8);
      prepare();
      const bool told = ::write(ready.write.get(), "", 1) == 1;
      ready.write = FileDescriptor();
      for (;;) {
        if (!told || ::waitpid(-1, nullptr, 0) < 0) ::usleep(1000);
      }
    }
    ready.write = FileDescriptor();
    char byte = 0;
    REQUIRE(::read(ready.read.get(), &byte, 1) == 1);

    container_ = store_.containers().create("standing", Digest(), "nothing", {}, config);
    const auto where = store_.containers().folder(container_.id);
    auto lock = ContainerLock::attempt(where);
    REQUIRE(lock);
    lock_.emplace(std::move(*lock));
    const auto held = HeldProcess::open(process_);
    REQUIRE(held);
    state_.status = ContainerStatus::running;
    state_.boot = boot_id();
    state_.process = {process_, parse_process_facts(held->read("stat"))->start};
    put_state(where, state_);
  }
  ~Standing() { end(); }

  void end() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }
  void set(const std::function<void(ContainerState&)>& change) {
    change(state_);
    put_state(store_.containers().folder(container_.id), state_);
  }

  pid_t process() const { return process_; }
  std::unique_ptr<JoinedProcess> join(ExecRequest request) {
    return join_container(store_, container_, request);
  }
  // Its output, and its status behind that.
  std::string run(ExecRequest request) {
    Pipe output = make_pipe();
    request.output = request.error = output.write.get();
    const auto joined = join(request);
    output.write = FileDescriptor();
    std::string text;
    std::array<char, 4096> bytes;
    for (ssize_t got = 0; (got = ::read(output.read.get(), bytes.data(), bytes.size())) > 0;) {
      text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return text + "=" + std::to_string(joined->wait());
  }
  std::string run(const std::string& script) {
    ExecRequest request;
    request.arguments = {"/bin/sh", "-c", script};
    return run(request);
  }

 private:
  TemporaryFolder folder_;
  Store store_;
  Container container_;
  std::optional<ContainerLock> lock_;
  ContainerState state_;
  pid_t process_ = -1;
};

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

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

TEST_CASE("what stat says of a process is taken apart whatever its name is") {
  const auto facts = parse_process_facts(
      "12 (a) (b ) S 3 4 5 1025 7 8 9 10 11 12 30 40 15 16 17 18 2 20 21 "
      "9999 23 24 25\n");
  REQUIRE(facts);
  CHECK(facts->name == "a) (b ");
  CHECK(facts->status == 'S');
  CHECK(facts->parent == 3);
  CHECK(facts->terminal == 1025);
  CHECK(facts->ticks == 70);
  for (const char* broken : {"", "1", "1 (", "1 )(", "1 (x)", "1 (x) ", "(", ")", "()"}) {
    static_cast<void>(parse_process_facts(broken));
  }
  CHECK(text_of("/proc/self/stat").find(')') != std::string::npos);
}
