// What every ProcessRunner promises: the same for the fake, for the sandbox and for chroot.
#include "executor/chroot/chroot_step.hpp"
#include "executor/fake_runner.hpp"
#include "executor/sandbox/real_runner.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

using namespace slipway;

namespace {

// The commands below as the fake knows them.
void teach(FakeRunner& fake) {
  fake.on("exit 7", [](FakeStep&) { return 7; });
  fake.on("echo out; echo err >&2", [](FakeStep& step) {
    step.print("out\n");
    step.print_error("err\n");
    return 0;
  });
  fake.on("echo new > /new; echo changed > /etc/old; rm /gone", [](FakeStep& step) {
    step.write("/new", "new\n");
    step.write("/etc/old", "changed\n");
    step.remove("/gone");
    return 0;
  });
  fake.on("cat /lower /upper", [](FakeStep& step) {
    step.print(step.read("/lower").value_or("") + step.read("/upper").value_or(""));
    return 0;
  });
  fake.on("sleep 1000", [](FakeStep& step) {
    step.sleep(std::chrono::seconds(1000));
    return 0;
  });
}

template <class Test>
void for_each(Test test) {
  SUBCASE("fake") {
    FakeRunner fake;
    teach(fake);
    test(fake);
  }
  SUBCASE("sandbox") {
    if (const auto runner = real_runner()) test(*runner);
  }
  SUBCASE("chroot") {
    const Scratchpad trees;
    if (const auto runner = real_chroot(trees.path())) test(*runner);
  }
}

}  // namespace

TEST_CASE("a runner tells the exit code") {
  for_each([](ProcessRunner& runner) {
    TestStep step("exit 7");
    CHECK(step.with_busybox().run(runner).exit_code == 7);
  });
}

TEST_CASE("a runner keeps the two outputs apart and calls nobody after the end") {
  for_each([](ProcessRunner& runner) {
    TestStep step("echo out; echo err >&2");
    const Outcome outcome = step.with_busybox().run(runner);
    CHECK(outcome.out == "out\n");
    CHECK(outcome.err == "err\n");
    CHECK(outcome.calls_after_end == 0);
  });
}

TEST_CASE("what a command writes and removes is in the upper directory, and nowhere else") {
  for_each([](ProcessRunner& runner) {
    TestStep step("echo new > /new; echo changed > /etc/old; rm /gone");
    step.with_busybox();
    write_file(step.image / "etc/old", "old\n");
    write_file(step.image / "gone", "here\n");
    CHECK(step.run(runner).exit_code == 0);

    std::ifstream file(step.request.upper / "new");
    CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == "new\n");
    std::ifstream changed(step.request.upper / "etc/old");
    CHECK(std::string(std::istreambuf_iterator<char>(changed), {}) == "changed\n");
    CHECK(std::filesystem::is_character_file(step.request.upper / "gone"));
    CHECK(std::filesystem::exists(step.image / "gone"));
  });
}

TEST_CASE("a command sees the layers as one tree, the upper ones first") {
  for_each([](ProcessRunner& runner) {
    TestStep step("cat /lower /upper");
    step.with_busybox();
    write_file(step.image / "lower", "from below\n");
    write_file(step.image / "upper", "hidden\n");
    const auto second = step.pad.path() / "second";
    write_file(second / "upper", "from above\n");
    step.request.lowers.push_back(second);
    CHECK(step.run(runner).out == "from below\nfrom above\n");
  });
}

TEST_CASE("a killed command ends with 137, and its end is told once") {
  for_each([](ProcessRunner& runner) {
    TestStep step("sleep 1000");
    step.with_busybox().while_running = [](RunningProcess& process) { process.kill(); };
    CHECK(step.run(runner).exit_code == 137);
  });
}

TEST_CASE("who drops a running command has it gone") {
  for_each([](ProcessRunner& runner) {
    TestStep step("sleep 1000");
    step.with_busybox().request.operation = &step.operation;
    std::atomic<int> ends = 0;
    auto process = runner.start(
        step.request, [](OutputStream, std::string_view) {}, [&](RunResult) { ++ends; });
    CHECK(ends == 0);
    process.reset();
    CHECK(ends == 1);
  });
}
