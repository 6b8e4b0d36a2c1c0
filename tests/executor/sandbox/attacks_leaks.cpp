// What a step could find of the builder: descriptors, variables, memory, programs.
#include "attack_fixture.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

// Init gets its descriptors by number and closes all others before it looks at a path of the
// image's; the program has three.
TEST_CASE("CVE-2024-21626, CVE-2021-3602: descriptors that the builder did not close") {
  const auto runner = real_runner();
  if (!runner) return;
  std::vector<int> leaks;
  for (int i = 0; i < 20; ++i) leaks.push_back(::open("/", O_RDONLY | O_DIRECTORY));
  const Outcome outcome =
      run_plain(*runner,
                "for p in self 1; do for n in $(seq 0 100); do "
                "test -e /proc/$p/fd/$n && echo $p $n; readlink /proc/1/fd/$n; done; done; "
                "cat /proc/1/fdinfo/* 2> /dev/null");
  for (const int leak : leaks) ::close(leak);
  // Those of the shell; what init has open cannot be followed, read or named.
  CHECK(outcome.out == "self 0\nself 1\nself 2\n");
}

TEST_CASE("CVE-2021-3602: variables of the builder") {
  const auto runner = real_runner();
  if (!runner) return;
  ::setenv("SLIPWAY_TEST_LEAK", "leaked", 1);
  TestStep step("env; cat /proc/self/environ /proc/1/environ 2> /dev/null; cat /proc/1/cmdline");
  step.with_busybox().request.mounts = {secret_at("/run/secrets/x")};
  const Outcome outcome = step.run(*runner);
  ::unsetenv("SLIPWAY_TEST_LEAK");
  CHECK(outcome.out.find("leaked") == std::string::npos);
  CHECK(outcome.out.find("slipway-init") != std::string::npos);
}

// Init is not dumpable: its memory, which has the plan with every secret variable, its program, its
// directories and descriptors are nobody's.
TEST_CASE("CVE-2019-5736: PID 1 can be read, traced or written") {
  const auto runner = real_runner();
  if (!runner) return;
  const Outcome outcome =
      run_plain(*runner,
                "for f in mem maps environ auxv stack syscall io; do "
                "(cat /proc/1/$f > /tmp.$f) 2> /dev/null; test -s /tmp.$f && echo read $f; done; "
                "for f in exe cwd root fd/0 fd/1 ns/mnt ns/net; do readlink /proc/1/$f; done; "
                "ls /proc/1/root /proc/1/cwd /proc/1/fd/0 2> /dev/null; "
                "(echo x > /proc/1/exe) 2> /dev/null && echo wrote exe; "
                "(echo x > /proc/1/mem) 2> /dev/null && echo wrote mem; "
                "(echo 1000 > /proc/1/oom_score_adj) 2> /dev/null; kill -9 1; kill -STOP 1; "
                "kill -0 1 && echo alive");
  CHECK(outcome.out == "alive\n");
  CHECK(outcome.exit_code == 0);
}

// Init runs from sealed memory. A program that is "/proc/self/exe" is init once more, with nothing
// of what it needs, and cannot be opened for writing.
TEST_CASE("CVE-2019-5736: the image's program is /proc/self/exe") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep direct("");
  direct.with_busybox().operation.arguments = {"/proc/self/exe"};
  CHECK(refusal(*runner, direct) != "exit 0");

  TestStep script("");
  write_file(script.with_busybox().image / "entry", "#!/proc/self/exe\n");
  fs::permissions(script.image / "entry", fs::perms(0755));
  script.operation.arguments = {"/entry"};
  CHECK(refusal(*runner, script) != "exit 0");

  // The loader, or a library, would be run in init's place while /proc/self/exe is still init.
  TestStep linked("");
  fs::remove(linked.with_busybox().image / "bin/sh");
  fs::create_symlink("/proc/self/exe", linked.image / "bin/sh");
  CHECK(refusal(*runner, linked) != "exit 0");

  // And the runner is as it was.
  CHECK(run_plain(*runner, "echo fine").out == "fine\n");
}

TEST_CASE("CVE-2022-27651, CVE-2022-24769: capabilities that a program could inherit") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* user : {"", "builder", "0:29"}) {
    CAPTURE(user);
    TestStep step("grep -E 'CapInh|CapAmb' /proc/self/status | tr -d '\\t'");
    step.with_busybox().operation.user = user;
    CHECK(step.run(*runner).out == "CapInh:0000000000000000\nCapAmb:0000000000000000\n");
  }
}

TEST_CASE("capabilities of a step: docker's fourteen, and the insecure mode's all") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  const auto sets = [&](RunProcess::Security security) {
    TestStep step("grep -E 'CapPrm|CapEff|CapBnd' /proc/self/status | cut -f2 | sort -u");
    step.with_busybox().operation.security = security;
    return step.run(*runner).out;
  };
  CHECK(sets(RunProcess::Security::sandbox) == "00000000a80425fb\n");
  const std::string all = sets(RunProcess::Security::insecure);
  CHECK(all.size() == 17);
  CHECK(all.find("ffffff") != std::string::npos);
}

// Secrets lie in memory that is not swapped out by name: a file of the step's own tmpfs.
TEST_CASE("a secret is nowhere but at its place") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step(
      "busybox find / '(' -path /proc -o -path /sys ')' -prune -o -type f -print | "
      "busybox xargs grep -l '^secret$'");
  step.with_busybox().request.mounts = {secret_at("/run/secrets/x")};
  CHECK(step.run(*runner).out == "/run/secrets/x\n");
  CHECK(step.left() == std::vector<std::string>{});
}
