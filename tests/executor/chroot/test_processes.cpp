// From the start of a step in chroot isolation to the end of everything it left behind.
#include "chroot_step.hpp"

#include "executor/sandbox/abstract_socket.hpp"

#include <executor/sandbox/architectures.hpp>
#include <executor/sandbox/foreign.hpp>

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

// Processes whose arguments hold the text.
int alive(const std::string& text) {
  int count = 0;
  std::error_code gone;
  for (const auto& process : fs::directory_iterator("/proc")) {
    std::ifstream file(process.path() / "cmdline", std::ios::binary);
    const std::string line(std::istreambuf_iterator<char>(file), {});
    if (line.find(text) != std::string::npos) ++count;
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

Outcome run(const std::string& command) {
  TestStep step(command);
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return {};
  return step.with_busybox().with_probe().run(*runner);
}

}  // namespace

TEST_CASE("chroot: nothing that a step has started is alive after it") {
  TestStep step("");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  const std::string mark = "4711." + std::to_string(::getpid());
  SUBCASE("a daemon") {
    step.operation.arguments[2] = "setsid sleep " + mark + " & sleep 0.1";
  }
  SUBCASE("one that was born twice") {
    step.operation.arguments[2] = "(setsid sh -c 'sleep " + mark + " & exit' &) ; sleep 0.1";
  }
  SUBCASE("one that listens to no signal") {
    step.operation.arguments[2] = "sh -c 'trap \"\" TERM INT HUP; sleep " + mark + "' & sleep 0.1";
  }
  SUBCASE("one that is stopped") {
    step.operation.arguments[2] = "sleep " + mark + " & kill -STOP $!";
  }
  SUBCASE("a chain") {
    step.operation.arguments[2] =
        "f() { test $1 = 0 && exec sleep " + mark + "; f $(($1 - 1)) & wait; }; f 40 & sleep 0.3";
  }
  SUBCASE("a hundred") {
    step.operation.arguments[2] =
        "for i in $(seq 100); do setsid sleep " + mark + " & done; sleep 0.2";
  }
  CHECK(step.run(*runner).exit_code == 0);
  CHECK(alive(mark) == 0);
}

TEST_CASE("chroot: a bomb and a process that always moves on are ended") {
  TestStep step("");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  const std::string mark = "comet" + std::to_string(::getpid());
  write_file(step.image / mark, "sh /" + mark + " &\nexit\n");
  write_file(step.image / (mark + "-bomb"),
             "sh /" + mark + "-bomb & sh /" + mark + "-bomb & sleep 0.01\n");
  SUBCASE("moves on") {
    step.operation.arguments[2] = "sh /" + mark + "; sleep 0.1";
  }
  SUBCASE("grows") {
    step.operation.user = "builder";  // of whom the limit counts, should this test fail
    step.operation.ulimits = {"nproc=200"};
    step.operation.arguments[2] = "sh /" + mark + "-bomb & sleep 0.3";
  }
  step.run(*runner);
  CHECK(alive(mark) == 0);
}

TEST_CASE("chroot: a killed step takes all it started with it") {
  const std::string mark = "4712." + std::to_string(::getpid());
  TestStep step("setsid sleep " + mark + " & sleep " + mark);
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox().while_running = [](RunningProcess& process) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    process.kill();
  };
  CHECK(step.run(*runner).exit_code == 137);
  CHECK(alive(mark) == 0);
}

TEST_CASE("chroot: a step that kills its own init fails, and what it started ends") {
  TestStep step("");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  const std::string mark = "4713." + std::to_string(::getpid());
  step.operation.arguments[2] =
      "touch /trace; setsid sleep " + mark + " & kill -9 $PPID; sleep " + mark;
  step.request.operation = &step.operation;
  RunResult result;
  std::atomic<bool> ended = false;
  const auto process = runner->start(
      step.request, [](OutputStream, std::string_view) {},
      [&](RunResult given) {
        result = given;
        ended = true;
      });
  while (!ended) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  REQUIRE(result.failure.has_value());
  CHECK(std::string(result.failure->what()).find("watches over it") != std::string::npos);
  CHECK(alive(mark) == 0);
  TestStep next("ls /trace");
  next.request.lowers = {step.image};
  CHECK(next.run(*runner).out == "");
}

TEST_CASE("chroot: a step stands in its root, without descriptors, variables or rights of ours") {
  const Outcome outcome = run(
      "pwd; cd ..; pwd; env | grep -cv -e ^PATH= -e ^HOME= -e ^PWD= -e ^OLDPWD= -e ^SHLVL= -e ^_=");
  if (outcome.exit_code < 0) return;
  CHECK(outcome.out == "/\n/\n0\n");
}

TEST_CASE("chroot: a working directory that leads out, and a program that is not there") {
  TestStep step("pwd");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  SUBCASE("leads out") {
    step.operation.working_directory = "/../../..";
    CHECK(step.run(*runner).out == "/\n");
  }
  SUBCASE("by a link") {
    fs::create_directory_symlink("../../../tmp", step.image / "out");
    step.operation.working_directory = "/out/x";
    CHECK(step.run(*runner).out == "/tmp/x\n");
    CHECK(fs::is_directory(step.request.upper / "tmp/x"));
  }
  SUBCASE("no program") {
    step.operation.arguments = {"nonsense"};
    CHECK(refusal(*runner, step) == "program \"nonsense\" was not found in PATH");
  }
  SUBCASE("no user") {
    step.operation.user = "nobody-knows";
    CHECK(refusal(*runner, step) == "user \"nobody-knows\" is not in the image's /etc/passwd");
  }
}

TEST_CASE("chroot: a user is who the image says, and set-user-ID programs work") {
  TestStep step("id; /bin/as-root ids");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox().with_probe().operation.user = "builder";
  fs::copy_file(step.image / "bin/probe", step.image / "bin/as-root");
  REQUIRE(::chmod((step.image / "bin/as-root").c_str(), 04755) == 0);
  const Outcome outcome = step.run(*runner);
  CHECK(outcome.out.starts_with("uid=1000(builder) gid=1001(builder) groups="));
  CHECK(outcome.out.find("euid 0") != std::string::npos);
}

TEST_CASE("chroot: a step that fails hears what it does not have") {
  const Outcome outcome = run("cat /proc/self/status");
  if (outcome.exit_code < 0) return;
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err.find("has no /proc") != std::string::npos);
  CHECK(run("true").err == "");
}

TEST_CASE("chroot: a flood arrives whole, and before the end") {
  const Outcome outcome = run("probe flood 20971520; echo end");
  if (outcome.exit_code < 0) return;
  CHECK(outcome.out.size() == 20971520 + 4);
  CHECK(outcome.out.ends_with("xend\n"));
  CHECK(outcome.calls_after_end == 0);
}

TEST_CASE("chroot: a step has the container's network, and never one of its own") {
  const AbstractSocket socket;
  const Outcome outcome = run("probe connect " + socket.name);
  if (outcome.exit_code == -1) return;
  CHECK(outcome.out == "0\n");
}

TEST_CASE("chroot: a step goes on from what another has left, and changes nothing of that") {
  TestStep first("echo half > /made; rm /etc/group; exit 7");
  const auto runner = real_chroot(first.pad.path());
  if (!runner) return;
  CHECK(first.with_busybox().run(*runner).exit_code == 7);

  RunProcess operation = first.operation;
  operation.arguments[2] = "cat /made; ls /etc; echo more >> /made; rm /etc/passwd";
  first.operation = operation;
  first.request.goes_on = true;
  const Outcome second = first.run(*runner);
  CHECK(second.exit_code == 0);
  CHECK(second.out == "half\nhosts\npasswd\nresolv.conf\n");
  std::ifstream made(first.request.upper / "made");
  CHECK(std::string(std::istreambuf_iterator<char>(made), {}) == "half\n");
  CHECK_FALSE(fs::exists(first.request.upper / "etc/passwd"));
}

TEST_CASE("chroot: a step has a terminal for its three streams") {
  TestStep step("stty -a > /sizes; echo typed-$((1+1)); read line; echo got $line; exit 5");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  fs::create_symlink("busybox", step.image / "bin/stty");
  step.request.operation = &step.operation;
  step.request.terminal = TerminalSize{33, 111};
  std::promise<RunResult> ended;
  const auto process = runner->start(
      step.request, [](OutputStream, std::string_view) { FAIL("output beside the terminal"); },
      [&ended](RunResult result) { ended.set_value(std::move(result)); });
  REQUIRE(process->terminal() >= 0);
  std::string shown;
  const auto read_until = [&](std::string_view text) {
    const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (shown.find(text) == std::string::npos && std::chrono::steady_clock::now() < late) {
      pollfd waiting{process->terminal(), POLLIN, 0};
      ::poll(&waiting, 1, 100);
      char buffer[4096];
      const ssize_t got = ::read(process->terminal(), buffer, sizeof(buffer));
      if (got > 0) shown.append(buffer, static_cast<std::size_t>(got));
    }
    return shown.find(text) != std::string::npos;
  };
  CHECK(read_until("typed-2"));
  CHECK(::write(process->terminal(), "keys\n", 5) == 5);
  CHECK(read_until("got keys"));
  auto result = ended.get_future();
  REQUIRE(result.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  CHECK(result.get().exit_code == 5);
  std::ifstream sizes(step.request.upper / "sizes");
  const std::string text(std::istreambuf_iterator<char>(sizes), {});
  INFO(text);
  CHECK(text.find("rows 33; columns 111") != std::string::npos);
}

TEST_CASE("chroot: a program of another platform is explained as in the sandbox") {
  TestStep step("");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  const auto foreign = foreign_platforms();
  const auto unknown = std::find_if(foreign.begin(), foreign.end(), [](const auto& one) {
    return one.means == ForeignPlatform::Means::none ||
           one.means == ForeignPlatform::Means::emulator;
  });
  if (unknown == foreign.end()) {
    MESSAGE("this machine runs every platform's programs");
    return;
  }
  const std::string platform = unknown->platform.text();
  for (const Architecture& architecture : architectures()) {
    if (platform == architecture.platform) {
      write_file(step.image / "bin/tool", smallest_program(architecture));
    }
  }
  fs::permissions(step.image / "bin/tool", fs::perms::all);
  step.operation.arguments = {"/bin/tool"};
  step.operation.platform = unknown->platform;
  CHECK(refusal(*runner, step).find("exec format error: the image is for " + platform) !=
        std::string::npos);
}
