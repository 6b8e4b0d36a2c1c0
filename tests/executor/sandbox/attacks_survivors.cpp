// Steps that do not end with their end, or that work together.
#include "attack_fixture.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

// Who keeps a directory that another step gives it, until the test says go.
struct Keeper {
  explicit Keeper(const std::string& socket) : step("") {
    cache = step.pad.path() / "cache";
    step.with_busybox().with_probe().operation.arguments = {"/bin/probe", "keep", socket,
                                                            "/cache/go"};
    step.request.mounts = {cache_at("/cache", cache)};
  }
  TestStep step;
  fs::path cache;
};

}  // namespace

// PID 1's end is the end of its namespace, and finished() comes after it.
TEST_CASE("CVE-2024-27297: a daemon writes after its step") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step(
      "for i in 1 2 3 4; do (setsid sh -c 'trap \"\" TERM HUP INT; while :; do echo x >> /log; "
      "done' < /dev/null > /dev/null 2>&1 &); done; sleep 0.1");
  CHECK(step.with_busybox().run(*runner).exit_code == 0);
  const auto size = fs::file_size(step.request.upper / "log");
  CHECK(size > 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(fs::file_size(step.request.upper / "log") == size);
}

// Steps with networks of their own see no socket of each other. In the host's Landlock's scope keeps
// abstract sockets within a step (Linux 6.12).
TEST_CASE("CVE-2024-27297: a directory goes to a step beside it over an abstract socket") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  auto network = RunProcess::Network::none;
  int refused = ECONNREFUSED;
  SUBCASE("none") {}
  SUBCASE("host") {
    network = RunProcess::Network::host;
    refused = EPERM;
  }
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) < 6) {
    MESSAGE("skipped: this kernel's Landlock has no scopes (Linux 6.12)");
    return;
  }
  Keeper keeper("@slipway-attack-" + std::to_string(::getpid()));
  keeper.step.operation.network = network;
  const StepBeside beside(*runner, keeper.step);
  TestStep giver("");
  giver.with_busybox().with_probe().operation.arguments = {"/bin/probe", "give",
                                                           keeper.step.operation.arguments[2], "/"};
  giver.operation.network = network;
  const std::string told = giver.run(*runner).out;
  CHECK(told == std::to_string(refused) + "\n");
}

// A socket in a cache that both have mounted cannot be told from any other file. What was given can
// be written by nobody once the giver has ended: its root is read-only from then on.
TEST_CASE("CVE-2024-27297: a directory goes to a step beside it over a socket in a cache") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const bool from_scratch : {false, true}) {
    CAPTURE(from_scratch);
    Keeper keeper("/cache/socket");
    StepBeside beside(*runner, keeper.step);
    TestStep giver("");
    giver.with_busybox().with_probe().operation.arguments = {"/tools/bin/probe", "give",
                                                             "/cache/socket", "/"};
    ResolvedMount tools = mount_at(RunProcess::Mount::Type::bind, "/tools");
    tools.lowers = {giver.image};
    tools.mount.read_only = true;
    if (from_scratch) giver.request.lowers.clear();
    giver.request.mounts = {cache_at("/cache", keeper.cache), tools};
    const Outcome given = giver.run(*runner);
    CHECK(given.out == "0\n");
    CHECK(given.failure == "");
    // The giver has ended, its layer is being read.
    write_file(keeper.cache / "go", "");
    const Outcome kept = beside.wait();
    CHECK(!fs::exists(giver.request.upper / "late"));
    CHECK(kept.out == std::to_string(EROFS) + "\n");
  }
}

TEST_CASE("CVE-2024-27297: a file that is open for writing stays with a step beside it") {
  const auto runner = real_runner();
  if (!runner) return;
  Keeper keeper("/cache/socket");
  const StepBeside beside(*runner, keeper.step);
  TestStep giver("echo early > /file; probe append /cache/socket /file");
  giver.with_busybox().with_probe().request.mounts = {cache_at("/cache", keeper.cache)};
  // Nobody can take the descriptor away, so what the step left cannot be trusted.
  const Outcome given = giver.run(*runner);
  CHECK(given.out == "0\n");
  CHECK(given.failure == "a file of this step is still open for writing in another step");
  // A step that gave nothing away is not called so.
  CHECK(run_plain(*runner, "echo x > /file; exec 3>> /file; rm /file; sleep 1000 &").failure == "");
}

// The processes die with PID 1, and init itself asks for nothing that could be refused.
TEST_CASE("a hundred thousand processes, as many as this machine gives") {
  const auto runner = real_runner();
  if (!runner) return;
  // A tenth of that: all that run beside this test need process numbers as well.
  const Outcome outcome = run_plain(*runner, "probe processes 10000; exit 7");
  CHECK(outcome.exit_code == 7);
  CHECK(std::stol(outcome.out) > 1000);
  CHECK(run_plain(*runner, "echo fine").out == "fine\n");
}

TEST_CASE("a fork bomb ends with its step") {
  const auto runner = real_runner();
  if (!runner) return;
  // Bounded by the shell that starts it, as --ulimit nproc would.
  TestStep step("(b() { b | b & }; b) 2> /dev/null; sleep 0.3");
  step.with_busybox().operation.ulimits = {"nproc=2000"};
  step.operation.user = "1234";
  step.run(*runner);
  CHECK(run_plain(*runner, "echo fine").out == "fine\n");
}

TEST_CASE("a mount, a shared memory segment and a message queue end with their step") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  TestStep step(
      "mkdir /mnt; mount -t tmpfs none /mnt && echo x > /mnt/f; echo x > /dev/shm/f; "
      "echo x > /dev/mqueue/q");
  step.with_busybox().operation.security = RunProcess::Security::insecure;
  step.run(*runner);
  CHECK(!fs::exists(step.request.upper / "mnt/f"));
  CHECK(!fs::exists("/dev/mqueue/q"));
  CHECK(run_plain(*runner, "ls /dev/shm /dev/mqueue | grep -v :").out.find_first_not_of('\n') ==
        std::string::npos);
}
