// From the start of a step to the end of everything it left behind.
#include "executor/sandbox/real_runner.hpp"
#include "mounts.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

std::string refusal(ProcessRunner& runner, TestStep& step) {
  try {
    step.run(runner);
  } catch (const Error& error) {
    return error.what();
  }
  return "started";
}

}  // namespace

TEST_CASE("an exit status is that of a shell: the program's own, or 128 and the signal") {
  const auto runner = real_runner();
  if (!runner) return;
  CHECK(run_plain(*runner, "exit 0").exit_code == 0);
  CHECK(run_plain(*runner, "exit 255").exit_code == 255);
  CHECK(run_plain(*runner, "kill -TERM $$").exit_code == 143);
  CHECK(run_plain(*runner, "kill -SEGV $$").exit_code == 139);
  CHECK(run_plain(*runner, "nonsense-command").exit_code == 127);
}

TEST_CASE("a flood of fifty megabytes arrives whole, and before the end") {
  const auto runner = real_runner();
  if (!runner) return;
  const Outcome outcome = run_plain(*runner, "probe flood 52428800; echo end");
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out.size() == 52428800 + 4);
  CHECK(outcome.out.ends_with("xend\n"));
  CHECK(outcome.calls_after_end == 0);
}

TEST_CASE("output keeps its order within a stream") {
  const auto runner = real_runner();
  if (!runner) return;
  std::string expected;
  for (int i = 1; i <= 2000; ++i) expected += std::to_string(i) + "\n";
  CHECK(run_plain(*runner, "for i in $(seq 2000); do echo $i; done").out == expected);
}

TEST_CASE("a daemon does not survive its step") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("setsid sh -c 'while :; do echo alive >> /log; sleep 0.01; done' & sleep 0.1");
  CHECK(step.with_busybox().run(*runner).exit_code == 0);
  const auto log = step.request.upper / "log";
  const auto size = std::filesystem::file_size(log);
  CHECK(size > 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(std::filesystem::file_size(log) == size);
}

TEST_CASE("a builder that is killed takes its step with it") {
  if (!real_runner()) return;
  TestStep step("while :; do echo alive >> /log; sleep 0.01; done");
  step.with_busybox();
  const auto log = step.request.upper / "log";
  const pid_t builder = ::fork();  // no runner and no thread exists at this moment
  if (builder == 0) {
    const auto runner = sandbox_runner({.ids = rights.space.ids});
    step.run(*runner);
    ::_exit(0);
  }
  while (!std::filesystem::exists(log)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ::kill(builder, SIGKILL);
  ::waitpid(builder, nullptr, 0);
  // The kernel ends the step a moment later: until the file stays as it is for long enough.
  std::uintmax_t size = 0;
  int quiet = 0;
  for (int tries = 0; tries < 200 && quiet < 10; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto now = std::filesystem::file_size(log);
    quiet = now == size ? quiet + 1 : 0;
    size = now;
  }
  CHECK(quiet == 10);
}

TEST_CASE("orphans are reaped while the step runs") {
  const auto runner = real_runner();
  if (!runner) return;
  const Outcome outcome =
      run_plain(*runner, "for i in 1 2 3 4 5; do (sh -c 'true &' &) ; done; sleep 0.3; ps -o stat");
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out.find('Z') == std::string::npos);
}

TEST_CASE("a program that cannot be executed is an error that says why") {
  const auto runner = real_runner();
  if (!runner) return;
  SUBCASE("not in PATH") {
    TestStep step("");
    step.with_busybox().operation.arguments = {"no-such-program"};
    CHECK(refusal(*runner, step) == "program \"no-such-program\" was not found in PATH");
  }
  SUBCASE("no such file") {
    TestStep step("");
    step.with_busybox().operation.arguments = {"/no/such"};
    CHECK(refusal(*runner, step) == "cannot execute \"/no/such\": No such file or directory");
  }
  SUBCASE("not executable") {
    TestStep step("");
    step.with_busybox().operation.arguments = {"/etc/passwd"};
    CHECK(refusal(*runner, step) == "cannot execute \"/etc/passwd\": Permission denied");
  }
  SUBCASE("no program at all") {
    TestStep step("");
    write_file(step.with_busybox().image / "bin/text", "no shebang\n");
    std::filesystem::permissions(step.image / "bin/text", std::filesystem::perms(0755));
    step.operation.arguments = {"text"};
    CHECK(refusal(*runner, step) == "cannot execute \"text\": exec format error: it is no program for linux/amd64");
  }
}

TEST_CASE("arguments reach the program byte for byte") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("");
  step.with_busybox().with_probe().operation.arguments = {"probe", "arguments", "a b",
                                                          "",      "$x",        "\xff*"};
  CHECK(step.run(*runner).out == "a b\n\n$x\n\xff*\n");
}

TEST_CASE("an argument with a zero byte is refused, not cut") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("");
  step.with_busybox().operation.arguments = {"echo", std::string("a\0b", 3)};
  CHECK(refusal(*runner, step).find("zero byte") != std::string::npos);
}

TEST_CASE("a runner keeps no descriptor and no mount of its steps, failed or not") {
  const auto runner = real_runner();
  if (!runner) return;
  run_plain(*runner, "true");
  const std::size_t descriptors = open_descriptors();
  const MountsOfOurOwn mounts;
  for (int i = 0; i < 10; ++i) {
    run_plain(*runner, "true");
    TestStep step("");
    step.with_busybox().operation.arguments = {"no-such-program"};
    refusal(*runner, step);
  }
  // What is closed after a step's end takes a moment, and the next step's network is ready before it;
  // one descriptor that each of twenty steps had left would be more than that.
  for (int tries = 0; tries < 1000 && open_descriptors() >= descriptors + 10; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(open_descriptors() < descriptors + 10);
  CHECK(mounts.added() == "");
}

TEST_CASE("steps run beside each other") {
  const auto runner = real_runner();
  if (!runner) return;
  std::vector<std::thread> threads;
  std::vector<int> codes(6, -1);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    threads.emplace_back([&, i] {
      codes[i] = run_plain(*runner, "sleep 0.2; exit " + std::to_string(i)).exit_code;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(codes == std::vector<int>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("a limit that was asked for holds") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("ulimit -Sn; ulimit -Hn");
  step.with_busybox().operation.ulimits = {"nofile=100:200"};
  CHECK(step.run(*runner).out == "100\n200\n");

  TestStep wrong("true");
  wrong.with_busybox().operation.ulimits = {"nofile=many"};
  CHECK(refusal(*runner, wrong) == "--ulimit \"nofile=many\" is not NAME=SOFT[:HARD]");
}

TEST_CASE("someone else than root is told what is missing") {
  if (rights.space.ids == Ids::own) {
    MESSAGE("where there is one id nobody can stop being it");
    return;
  }
  if (::geteuid() != 0) {
    MESSAGE("skipped: needs root to stop being it");
    return;
  }
  TestStep step("true");
  step.with_busybox();
  const auto runner = sandbox_runner({.ids = rights.space.ids});
  std::string told;
  // The effective id of one thread.
  std::thread([&] {
    if (::seteuid(65534) != 0) return;
    told = refusal(*runner, step);
    if (::seteuid(0) != 0) std::abort();
  }).join();
  CHECK(told == "RUN needs root: it makes namespaces and mounts");
}
