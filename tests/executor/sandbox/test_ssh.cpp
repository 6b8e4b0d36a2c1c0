// RUN --mount=type=ssh: a socket of the step's own, behind which an agent answers.
#include "executor/sandbox/real_runner.hpp"
#include "executor/ssh/agent_talk.hpp"

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

using namespace slipway;
using Mount = RunProcess::Mount;

namespace {

ResolvedMount agent_at(const std::string& target, const std::filesystem::path& agent) {
  ResolvedMount resolved;
  resolved.mount.type = Mount::Type::ssh;
  resolved.mount.target = target;
  resolved.agent = agent;
  return resolved;
}

const std::string socket_path = "/run/buildkit/ssh_agent.0";

}  // namespace

TEST_CASE("a step's socket is its own, with the mode and owner asked for, and leaves no trace") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("stat -c '%u %g %f' " + socket_path + "; probe ask " + socket_path +
                " 0b; probe ask " + socket_path + " 11; probe ask /second 0d; "
                "chmod 777 /second 2>/dev/null || echo read-only; "
                "stat -c '%u %g %f' /second; cut -d' ' -f4-5 /proc/self/mountinfo | grep -E 'agent|second'");
  FakeAgent one(step.pad.path() / "one");
  FakeAgent two(step.pad.path() / "two");
  two.answer = [](const std::string&) { return std::string("\x0e") + "two"; };
  ResolvedMount first = agent_at(socket_path, step.pad.path() / "one");
  first.mount.mode = 0741;
  first.mount.uid = 100;
  first.mount.gid = 102;
  step.with_busybox().with_probe().request.mounts = {first,
                                                    agent_at("/second", step.pad.path() / "two")};
  const Outcome outcome = step.run(*runner);
  const std::string identities = "0c74776f206b657973";  // "two keys"
  const std::string owner = rights.space.ids == Ids::own ? "0 0" : "100 102";
  CHECK(outcome.out.starts_with(owner + " c1e1\n" + identities + "\n05\n0e74776f\nread-only\n" +
                                "0 0 c180\n"));
  // Not the agents' own sockets, nor where they lie.
  CHECK(outcome.out.find(step.pad.path().string()) == std::string::npos);
  CHECK(one.asked() == std::vector<std::string>{"\x0b"});
  CHECK(two.asked() == std::vector<std::string>{"\x0d"});
  CHECK(step.left() == std::vector<std::string>{});
}

TEST_CASE("a user without a right to the socket cannot connect") {
  NEEDS_OTHER_IDS();
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("probe ask /agent 0b; probe ask /mine 0b");
  FakeAgent agent(step.pad.path() / "agent");
  ResolvedMount mine = agent_at("/mine", step.pad.path() / "agent");
  mine.mount.uid = 1000;
  step.with_busybox().with_probe().request.mounts = {
      agent_at("/agent", step.pad.path() / "agent"), mine};
  step.operation.user = "builder";
  CHECK(step.run(*runner).out == "errno " + std::to_string(EACCES) + "\n0c74776f206b657973\n");
}

TEST_CASE("an agent that is required and not there stops the step, one that is not is left out") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("test -e /agent || echo none");
  ResolvedMount absent;
  absent.mount.type = Mount::Type::ssh;
  absent.mount.target = "/agent";
  absent.mount.unkeyed.id = "work";
  step.with_busybox().request.mounts = {absent};
  CHECK(step.run(*runner).out == "none\n");
  absent.mount.required = true;
  TestStep other("true");
  other.with_busybox().request.mounts = {absent};
  CHECK_THROWS_WITH_AS(other.run(*runner), "ssh agent \"work\" is required and not given", Error);
}

TEST_CASE("the agents of steps that have ended are served no more, and hold nothing open") {
  const auto runner = real_runner();
  if (!runner) return;
  const auto descriptors = [] {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      static_cast<void>(entry);
      ++count;
    }
    return count;
  };
  Scratchpad pad;
  FakeAgent agent(pad.path() / "agent");
  std::size_t before = 0;
  for (int i = 0; i < 10; ++i) {
    TestStep step("(sleep 100 | probe ask /agent 0b) & probe ask /agent 0b");
    step.with_busybox().with_probe().request.mounts = {agent_at("/agent", pad.path() / "agent")};
    CHECK(step.run(*runner).exit_code == 0);
    if (i == 0) before = descriptors();
  }
  // Those of the last steps close a moment later, here and on the fake agent's side, which is in this
  // process, too; what each of ten steps had left would be more.
  CHECK(descriptors() < before + 8);
}
