// What a step must not see, reach or do.
#include "executor/sandbox/abstract_socket.hpp"
#include "executor/sandbox/real_runner.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

using namespace slipway;

namespace {

std::string refusal(ProcessRunner& runner, TestStep& step) {
  try {
    return "exit " + std::to_string(step.run(runner).exit_code);
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a step has three descriptors, and the builder's are none of them") {
  const auto runner = real_runner();
  if (!runner) return;
  const int leaky = ::open("/", O_PATH);  // without O_CLOEXEC
  // The fourth is ls's own.
  const Outcome outcome = run_plain(*runner, "ls /proc/self/fd; readlink /proc/self/fd/0");
  ::close(leaky);
  CHECK(outcome.out == "0\n1\n2\n3\n/dev/null\n");
}

TEST_CASE("a step's environment is the given one and HOME") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("");
  step.with_busybox().operation.arguments = {"env"};
  step.operation.environment = {"PATH=/bin", "A=1"};
  step.operation.unkeyed.proxies = {"http_proxy=http://proxy"};
  CHECK(step.run(*runner).out == "PATH=/bin\nA=1\nhttp_proxy=http://proxy\nHOME=/root\n");
  step.operation.environment.push_back("HOME=/elsewhere");
  TestStep other("");
  other.with_busybox().operation = step.operation;
  CHECK(other.run(*runner).out.find("HOME=/root") == std::string::npos);
}

TEST_CASE("a step sees its own processes only") {
  const auto runner = real_runner();
  if (!runner) return;
  // Init and the shell; what init executes is nobody's business.
  const Outcome outcome =
      run_plain(*runner, "cd /proc; set -- [0-9]*; echo $#; readlink /proc/1/exe");
  CHECK(outcome.out == "2\n");
}

TEST_CASE("nothing lies above, below or upon the root") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step(
      "ls / > /one; ls /.. > /two; ls /../../dev/../.. > /three; stat -c %i / /..;"
      "grep -c ' / ' /proc/mounts; cat /one");
  ResolvedMount secret;
  secret.mount.type = RunProcess::Mount::Type::secret;
  secret.mount.target = "/secret";
  secret.secret = "bytes";
  ResolvedMount bind;
  bind.mount.type = RunProcess::Mount::Type::bind;
  bind.mount.target = "/bound";
  bind.lowers = {step.image};
  step.with_busybox().request.mounts = {secret, bind};
  std::istringstream lines(step.run(*runner).out);
  std::string root, above, mounts, word;
  lines >> root >> above >> mounts;
  CHECK(root == above);
  CHECK(mounts == "1");
  std::vector<std::string> names;
  while (lines >> word) names.push_back(word);
  CHECK(names ==
        std::vector<std::string>{"bin", "bound", "dev", "etc", "one", "proc", "secret", "sys"});
}

TEST_CASE("masked paths show nothing") {
  const auto runner = real_runner();
  if (!runner) return;
  const Outcome outcome =
      run_plain(*runner,
                "cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | head -c 10;"
                "for d in /sys/firmware /proc/acpi /proc/scsi; do ls -A $d 2>/dev/null; done");
  CHECK(outcome.out == "");
}

TEST_CASE("the kernel's settings cannot be written, by root either") {
  const auto runner = real_runner();
  if (!runner) return;
  const Outcome outcome = run_plain(
      *runner,
      "for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity "
      "/sys/kernel/profiling; do test -e $f || continue; "
      "(echo x > $f) 2>/dev/null && echo \"wrote $f\"; done; mkdir /sys/x 2>/dev/null && echo sys");
  CHECK(outcome.out == "");
}

TEST_CASE("a step has docker's capabilities and cannot get more") {
  const auto runner = real_runner();
  if (!runner) return;
  const Outcome root = run_plain(*runner, "grep Cap /proc/self/status | tr -d '\\t'");
  CHECK(root.out ==
        "CapInh:0000000000000000\nCapPrm:00000000a80425fb\nCapEff:00000000a80425fb\n"
        "CapBnd:00000000a80425fb\nCapAmb:0000000000000000\n");
  TestStep step("grep -E 'Cap|NoNewPrivs' /proc/self/status | tr -d '\\t'");
  step.with_busybox().operation.user = "builder";
  CHECK(step.run(*runner).out ==
        "CapInh:0000000000000000\nCapPrm:0000000000000000\nCapEff:0000000000000000\n"
        "CapBnd:00000000a80425fb\nCapAmb:0000000000000000\nNoNewPrivs:0\n");
}

TEST_CASE("no device but the usual ones can be opened, wherever it was made") {
  const auto runner = real_runner();
  if (!runner) return;
  const Outcome outcome =
      run_plain(*runner,
                "for d in / /dev /dev/shm; do mknod $d/kmsg2 c 1 11 2>/dev/null; "
                "(cat < $d/kmsg2 > /dev/null) 2>/dev/null && echo opened $d; done; "
                "head -c 3 /dev/zero | wc -c; echo x > /dev/null && echo written; ls /dev");
  CHECK(outcome.out.find("opened") == std::string::npos);
  CHECK(outcome.out.starts_with("3\nwritten\n"));
  CHECK(outcome.out.find("urandom") != std::string::npos);
}

TEST_CASE("a step cannot change the mode of the host's devices") {
  const auto runner = real_runner();
  if (!runner) return;
  struct stat before {};
  ::stat("/dev/null", &before);
  run_plain(*runner, "chmod 000 /dev/null; rm -f /dev/null; chown 5:5 /dev/null");
  struct stat after {};
  ::stat("/dev/null", &after);
  CHECK(before.st_mode == after.st_mode);
  CHECK(before.st_uid == after.st_uid);
}

TEST_CASE("an image's /dev, /proc or /sys that is a link is refused") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* name : {"dev", "proc", "sys"}) {
    CAPTURE(name);
    TestStep step("true");
    step.with_busybox();
    const auto outside = step.pad.path() / "outside";
    std::filesystem::create_directories(outside);
    std::filesystem::create_symlink(outside, step.image / name);
    CHECK(refusal(*runner, step) ==
          "the image's /" + std::string(name) + " is a symbolic link; it must be a directory");
    CHECK(std::filesystem::is_empty(outside));
  }
}

TEST_CASE("an image's links for resolv.conf and hosts are followed inside the image only") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("cat /etc/hosts; readlink /etc/hosts");
  step.with_busybox();
  const auto outside = step.pad.path() / "outside";
  std::filesystem::create_directories(outside);
  std::filesystem::remove(step.image / "etc/hosts");
  std::filesystem::remove(step.image / "etc/resolv.conf");
  std::filesystem::create_symlink("../../../../../.." + (outside / "hosts").string(),
                                  step.image / "etc/hosts");
  std::filesystem::create_symlink("../run/systemd/resolve/stub-resolv.conf",
                                  step.image / "etc/resolv.conf");
  const Outcome outcome = step.run(*runner);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out.starts_with("127.0.0.1\tlocalhost buildkitsandbox\n"));
  CHECK(std::filesystem::is_empty(outside));
  for (const std::string& path : step.left()) {
    CAPTURE(path);
    CHECK(path == "etc/");  // copied up with what was made in it; equal to the layer below
  }
}

TEST_CASE("a working directory that leads to a descriptor or out of the root is refused") {
  const auto runner = real_runner();
  if (!runner) return;
  for (int number = 3; number < 40; ++number) {
    TestStep step("pwd");
    step.with_busybox().operation.working_directory = "/proc/self/fd/" + std::to_string(number);
    CHECK(refusal(*runner, step).starts_with("cannot enter the working directory"));
  }
  TestStep linked("pwd");
  linked.with_busybox().operation.working_directory = "/work";
  std::filesystem::create_symlink("/proc/self/fd/7", linked.image / "work");
  CHECK(refusal(*runner, linked).starts_with("cannot enter the working directory"));
  TestStep up("pwd; ls /bin/busybox");
  up.with_busybox().operation.working_directory = "/../../..";
  CHECK(up.run(*runner).out == "/\n/bin/busybox\n");
}

TEST_CASE("a missing working directory is made and stays") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("pwd");
  step.with_busybox().operation.working_directory = "/new/place";
  CHECK(step.run(*runner).out == "/new/place\n");
  CHECK(std::filesystem::is_directory(step.request.upper / "new/place"));
}

TEST_CASE("the host's name is its own, or the one that was asked for") {
  const auto runner = real_runner();
  if (!runner) return;
  CHECK(run_plain(*runner, "hostname").out == "buildkitsandbox\n");
  TestStep step("hostname; cat /etc/hosts");
  step.with_busybox().operation.hostname = "builder7";
  step.operation.extra_hosts = {{"db", "10.0.0.5"}};
  CHECK(step.run(*runner).out ==
        "builder7\n127.0.0.1\tlocalhost builder7\n::1\tlocalhost ip6-localhost ip6-loopback\n"
        "10.0.0.5\tdb\n");
}

TEST_CASE("a step without a network has a loopback that works, and nothing else") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("ls /sys/class/net; cat /sys/class/net/lo/flags");
  step.with_busybox().operation.network = RunProcess::Network::none;
  CHECK(step.run(*runner).out == "lo\n0x9\n");
}

TEST_CASE("a step cannot reach the host's abstract sockets, but has its own") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  // LANDLOCK_CREATE_RULESET_VERSION
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) < 6) {
    MESSAGE("skipped: this kernel's Landlock has no scopes (Linux 6.12)");
    return;
  }
  const AbstractSocket host;
  // Shared with the host, or else its sockets are not there at all.
  TestStep step("probe connect " + host.name);
  step.with_busybox().with_probe().operation.network = RunProcess::Network::host;
  CHECK(step.run(*runner).out == std::to_string(EPERM) + "\n");
  CHECK(run_plain(*runner, "probe talk " + host.name + "-own").out == "0\n");
}

TEST_CASE("the mask of new files is 022, whatever the builder's is") {
  const auto runner = real_runner();
  if (!runner) return;
  const mode_t before = ::umask(0077);
  const Outcome outcome = run_plain(*runner, "touch /f; mkdir /d; stat -c %a /f /d /dev /dev/shm");
  ::umask(before);
  CHECK(outcome.out == "644\n755\n755\n1777\n");
}
