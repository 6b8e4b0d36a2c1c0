// --ssh: agents and keys for steps, from outside.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool has_openssh() {
  if (run({"sh", "-c", "command -v ssh-agent ssh-add ssh-keygen"}).status == 0) return true;
  MESSAGE("skipped: there is no OpenSSH");
  return false;
}

#define SKIP_UNLESS_OPENSSH() \
  SKIP_UNLESS_ROOT();         \
  if (!has_openssh()) return

struct SshWorkshop : Workshop {
  SshWorkshop() {
    fs::copy_file(SLIPWAY_PROBE, context() / "probe");
    for (const char* name : {"one", "two"})
      output_of({"ssh-keygen", "-q", "-t", "ed25519", "-C", name, "-N", "", "-f", key(name)});
  }
  std::string key(const std::string& name) const { return (folder() / name).string(); }
};

// That were started for builds in this workshop, whose temporary files lie in its folder.
std::size_t agents_of(const Workshop& workshop) {
  std::size_t count = 0;
  for (const auto& process : fs::directory_iterator("/proc")) {
    // A process may be gone in between.
    std::ifstream command(process.path() / "cmdline", std::ios::binary);
    const std::string words{std::istreambuf_iterator<char>(command), {}};
    if (words.starts_with("ssh-agent") && has(words, workshop.folder().string())) ++count;
  }
  return count;
}

bool comes_to(const std::function<bool()>& condition) {
  for (int i = 0; i < 600; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

// What a step prints of the list of keys: how many there are, as four bytes.
const std::string count_keys =
    "--mount=type=bind,source=probe,target=/probe /probe ask $SSH_AUTH_SOCK 0b | head -c 10";

}  // namespace

TEST_CASE("a step has the keys that were given, under each id its own") {
  SKIP_UNLESS_OPENSSH();
  const SshWorkshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN --mount=type=ssh,required " + count_keys + "\n"
                 "RUN --mount=type=ssh,id=both,target=/agent,mode=0666,uid=7 test -S /agent && "
                 "test $SSH_AUTH_SOCK = /agent && test \"$(stat -c '%a %u' /agent)\" = '666 7'\n"
                 "RUN --mount=type=ssh,id=both " + count_keys + "\n"
                 "RUN --mount=type=ssh,id=both --mount=type=ssh "
                 "test -S /run/buildkit/ssh_agent.0 && test -S /run/buildkit/ssh_agent.1 && "
                 "test $SSH_AUTH_SOCK = /run/buildkit/ssh_agent.0\n"
                 "RUN --mount=type=ssh,id=absent test ! -e /run/buildkit && echo none\n"
                 "RUN test -z \"$SSH_AUTH_SOCK\" && test ! -e /run/buildkit && test ! -e /agent\n");
  const Built built = workshop.build({"--ssh", "default=" + workshop.key("one"), "--ssh",
                                      "both=" + workshop.key("one") + "," + workshop.key("two")});
  INFO(built.log);
  REQUIRE(built.status == 0);
  CHECK(has(built.log, "0c00000001"));
  CHECK(has(built.log, "0c00000002"));
  CHECK(agents_of(workshop) == 0);
  // Which keys there are is no part of a key.
  CHECK(workshop.build({"--ssh", "default=" + workshop.key("two"), "--ssh",
                        "both=" + workshop.key("two")})
            .hits == 6);
}

TEST_CASE("an agent is reached by its socket, and lists and signs only") {
  SKIP_UNLESS_OPENSSH();
  const SshWorkshop workshop;
  const std::string socket = (workshop.folder() / "agent").string();
  Program agent({"ssh-agent", "-D", "-a", socket});
  output_of({"sh", "-c",
             "for i in $(seq 100); do SSH_AUTH_SOCK=\"$0\" ssh-add -q \"$1\" && exit; sleep 0.05; done; exit 1",
             socket, workshop.key("one")});
  // 13: remove all identities. 16: lock.
  workshop.write("Dockerfile",
                 "FROM busybox\nRUN --mount=type=ssh " + count_keys +
                     "\nRUN --mount=type=ssh --mount=type=bind,source=probe,target=/probe "
                     "for m in 13 16 1b; do /probe ask $SSH_AUTH_SOCK $m; done | tr -d '\\n'\n");
  for (const std::string& value : {"default=" + socket, std::string("default"), "=" + socket}) {
    CAPTURE(value);
    const Finished built =
        run({SLIPWAY_PROGRAM, "build", "--no-cache", "--progress=plain", "--ssh", value,
             workshop.context().string()},
            {{"SLIPWAY_ROOT", workshop.root().string()}, {"SSH_AUTH_SOCK", socket}});
    INFO(built.err);
    CHECK(built.status == 0);
    CHECK(has(built.err, "0c00000001"));
    CHECK(has(built.err, " 050505"));
  }
  CHECK(has(output_of({"sh", "-c", "SSH_AUTH_SOCK=\"$0\" ssh-add -l", socket}), "one"));
  agent.kill(9);
  agent.wait();
}

TEST_CASE("what --ssh cannot be is told before anything runs") {
  SKIP_UNLESS_OPENSSH();
  const SshWorkshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN --mount=type=ssh,id=work,required true\n");
  const auto complaint = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> words{"env", "-u", "SSH_AUTH_SOCK", SLIPWAY_PROGRAM, "build",
                                   "--progress=plain"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.push_back(workshop.context().string());
    const Finished refused = run(words, {{"SLIPWAY_ROOT", workshop.root().string()}});
    CHECK(refused.status == 1);
    return refused.err;
  };
  CHECK(has(complaint({"--ssh", "default"}), "SSH_AUTH_SOCK, which is not set"));
  CHECK(has(complaint({"--ssh", "work=/nowhere"}), "stat \"/nowhere\""));
  CHECK(has(complaint({"--ssh", "a=" + workshop.key("one"), "--ssh", "a=" + workshop.key("two")}),
            "--ssh gives \"a\" twice"));
  CHECK(has(complaint({"--ssh", "a=" + workshop.key("one.pub")}), "holds no key that can be used"));
  const std::string absent = complaint({"--ssh", "other=" + workshop.key("one")});
  CHECK(has(absent, "Dockerfile:2"));
  CHECK(has(absent, "ssh agent \"work\" is required and not given"));
  CHECK(has(absent, "hint: --ssh work"));
}

TEST_CASE("the agent ends with slipway, also with one that is killed") {
  SKIP_UNLESS_OPENSSH();
  const SshWorkshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN --mount=type=ssh echo started; sleep 1000\n");
  Workshop::Running running = workshop.start_build({"--ssh", "default=" + workshop.key("one")});
  CHECK(comes_to([&] { return agents_of(workshop) == 1; }));
  running.program.kill(9);
  running.finish();
  CHECK(comes_to([&] { return agents_of(workshop) == 0; }));
}
