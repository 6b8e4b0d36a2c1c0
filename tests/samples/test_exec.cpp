// Other programs in containers that run: exec, top, stats and the probes of their health.
#include "workshop.hpp"

#include "at_terminal.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

using Words = std::vector<std::string>;

bool soon(const std::function<bool()>& holds) {
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > late) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

// A container "web" that runs.
struct Yard : Workshop {
  explicit Yard(Words flags = {}) {
    Words words{"run", "-d", "--name", "web"};
    words.insert(words.end(), flags.begin(), flags.end());
    for (const char* word : {"busybox", "sleep", "1000"}) words.emplace_back(word);
    const Finished started = slipway(words);
    INFO(started.err);
    REQUIRE(started.status == 0);
    id = started.out.substr(0, 64);
  }
  ~Yard() { end(); }
  void end() const {
    slipway({"kill", "web"});
    slipway({"wait", "web"});
  }

  Finished exec(Words words) const {
    words.insert(words.begin(), "exec");
    return slipway(words);
  }
  // What it prints of both streams, and its status.
  std::string says(Words words) const {
    const Finished finished = exec(std::move(words));
    return finished.out + finished.err + "=" + std::to_string(finished.status);
  }
  Words words(Words behind) const {
    Words all{SLIPWAY_PROGRAM, "--root", root().string()};
    all.insert(all.end(), behind.begin(), behind.end());
    return all;
  }
  Finished shell(const std::string& line) const {
    return slipway::run(
        {"sh", "-c", "slipway='" SLIPWAY_PROGRAM " --root " + root().string() + "'\n" + line});
  }
  // Whether a process of the container has this in its command line.
  bool has_process(const std::string& text) const {
    return says({"web", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"}).find(text) !=
           std::string::npos;
  }

  std::string id;
};

}  // namespace

TEST_CASE("exec: output, status, user, directory and variables as with docker") {
  SKIP_UNLESS_ROOT();
  const Yard yard({"-e", "KEPT=1", "-w", "/tmp"});
  CHECK(yard.says({"web", "sh", "-c", "echo out; echo err >&2; exit 7"}) == "out\nerr\n=7");
  CHECK(yard.says({"web", "sh", "-c", "kill -9 $$"}) == "=137");
  CHECK(yard.says({yard.id.substr(0, 12), "pwd"}) == "/tmp\n=0");
  CHECK(yard.says({"-w", "/etc", "web", "pwd"}) == "/etc\n=0");
  CHECK(yard.says({"-e", "GIVEN=2", "-e", "KEPT", "web", "sh", "-c", "echo $GIVEN$KEPT"}) ==
        "2\n=0");
  CHECK(yard.says({"web", "sh", "-c", "echo $KEPT $HOSTNAME $HOME"}) ==
        "1 " + yard.id.substr(0, 12) + " /root\n=0");
  yard.write("variables", "# none\nFILED=3\n");
  CHECK(yard.says({"--env-file", yard.context() / "variables", "web", "sh", "-c", "echo $FILED"}) ==
        "3\n=0");
  CHECK(yard.says({"-u", "8:12", "web", "sh", "-c", "id -u; id -g"}) == "8\n12\n=0");
  // Flags behind the container are the command's.
  CHECK(yard.says({"web", "echo", "-u", "x", "--privileged"}) == "-u x --privileged\n=0");
  CHECK(yard.says({"--privileged", "web", "sh", "-c", "mount -t tmpfs t /mnt 2>&1 || mkdir /mnt"})
            .ends_with("=0"));
}

TEST_CASE("exec: what cannot be done says why, with docker's status") {
  SKIP_UNLESS_ROOT();
  const Yard yard;
  CHECK(yard.exec({"web", "no-such-program"}).status == 127);
  CHECK(yard.exec({"web", "/etc"}).status == 126);
  CHECK(yard.exec({"-w", "/no/such", "web", "true"}).status == 126);
  CHECK(yard.exec({"-u", "nobody-of-that-name", "web", "true"}).status == 126);
  CHECK(yard.exec({"nothing", "true"}).status == 1);
  CHECK(yard.exec({"web"}).status == 1);
  CHECK(yard.exec({"--no-such-flag", "web", "true"}).status == 125);
  CHECK(yard.exec({"-w", "srv", "web", "true"}).status == 125);
  CHECK(yard.exec({"--detach-keys", "ctrl-", "web", "true"}).status == 125);
  CHECK(yard.exec({"-it", "web", "true"}).err.find("not a TTY") != std::string::npos);
  yard.end();
  const Finished ended = yard.exec({"web", "true"});
  CHECK(ended.status == 1);
  CHECK(ended.err.find("is not running") != std::string::npos);
  CHECK(yard.slipway({"top", "web"}).status == 1);
}

TEST_CASE("exec -i: standard input arrives whole, and its end; without it there is none") {
  SKIP_UNLESS_ROOT();
  const Yard yard;
  const Finished counted =
      yard.shell("head -c 3000000 /dev/zero | $slipway exec -i web sh -c 'wc -c; echo end'");
  CHECK(counted.out == "3000000\nend\n");
  CHECK(yard.shell("echo lost | $slipway exec web wc -c").out == "0\n");
  // A reader that goes away ends it, and the process with it.
  CHECK(yard.shell("$slipway exec web yes | head -n 1").out == "y\n");
  CHECK(soon([&] { return !yard.has_process("yes "); }));
}

TEST_CASE("exec: signals are the process's, and it ends with the command") {
  SKIP_UNLESS_ROOT();
  const Yard yard;
  const std::string script = "trap 'exit 9' TERM; touch /ready; while :; do sleep 0.05; done";
  {
    Program program = yard.start({"exec", "web", "sh", "-c", script});
    REQUIRE(soon([&] { return yard.says({"web", "rm", "/ready"}).ends_with("=0"); }));
    program.kill(SIGTERM);
    CHECK(program.wait().status == 9);
  }
  Program program = yard.start({"exec", "web", "sh", "-c", script});
  REQUIRE(soon([&] { return yard.says({"web", "rm", "/ready"}).ends_with("=0"); }));
  program.kill(SIGKILL);
  program.wait();
  CHECK(soon([&] { return !yard.has_process("trap 'exit 9'"); }));
}

TEST_CASE("exec -d goes on by itself, also with a terminal that nobody reads") {
  SKIP_UNLESS_ROOT();
  const Yard yard;
  CHECK(yard.says({"-d", "web", "sleep", "777"}) == "=0");
  CHECK(yard.has_process("sleep 777"));
  CHECK(yard.says({"-dt", "web", "sh", "-c", "head -c 300000 /dev/zero; touch /printed"}) == "=0");
  CHECK(soon([&] { return yard.exec({"web", "test", "-e", "/printed"}).status == 0; }));
}

TEST_CASE("exec -it: a terminal of the container's own, its size, its keys, and leaving it") {
  SKIP_UNLESS_ROOT();
  const Yard yard;
  AtTerminal person(yard.words({"exec", "-it", "web", "sh"}));
  CHECK(person.shows("# "));
  CHECK_FALSE(person.is_cooked());
  person.type("tty; stty size; echo $TERM\n");
  CHECK(person.shows("/dev/pts/"));
  CHECK(person.shows("40 120"));
  CHECK(person.shows("xterm"));
  person.resize(30, 90);
  CHECK(person.shows("30 90", "stty size\n"));
  // Ctrl-C is the program's in there.
  person.type("sleep 888\n");
  CHECK(soon([&] { return yard.has_process("sleep 888"); }));
  person.type("\x03");
  CHECK(soon([&] { return !yard.has_process("sleep 888"); }));
  person.type("exit 6\n");
  CHECK(person.wait() == 6);

  AtTerminal leaving(yard.words({"exec", "-it", "--detach-keys", "ctrl-x,x", "web", "sh"}));
  CHECK(leaving.shows("# "));
  leaving.type("sleep 999\n");
  CHECK(soon([&] { return yard.has_process("sleep 999"); }));
  leaving.type("\x18x");
  CHECK(leaving.wait() == 0);
  CHECK(yard.has_process("sleep 999"));
}

TEST_CASE("top and stats show the container's processes and what they use") {
  SKIP_UNLESS_ROOT();
  const Yard yard;
  CHECK(yard.says({"-d", "web", "sleep", "555"}) == "=0");
  const Finished top = yard.slipway({"top", "web"});
  CHECK(top.status == 0);
  CHECK(top.out.starts_with("UID                 PID                 PPID"));
  CHECK(top.out.find("sleep 1000") != std::string::npos);
  CHECK(top.out.find("sleep 555") != std::string::npos);
  const Finished chosen = yard.slipway({"top", "web", "-o", "pid,args"});
  CHECK(chosen.out.starts_with("PID                 COMMAND"));
  CHECK(yard.slipway({"top", "web", "-o", "args"}).status == 1);

  const Finished stats = yard.slipway(
      {"stats", "--no-stream", "--format", "{{.ID}} {{.Name}} {{.PIDs}} {{.CPUPerc}}", "web"});
  CHECK(stats.out.starts_with(yard.id.substr(0, 12) + " web 2 "));
  CHECK(stats.out.ends_with("%\n"));
  CHECK(yard.slipway({"stats", "--no-stream"}).out.starts_with("CONTAINER ID   NAME      CPU %"));
  CHECK(yard.slipway({"stats", "--no-stream", "nothing"}).status == 1);
  yard.end();
  CHECK(yard.slipway({"stats", "--no-stream", "--format", "{{.Name}}"}).out.empty());
  CHECK(yard.slipway({"stats", "--no-stream", "-a", "--format", "{{.Name}} {{.PIDs}}"}).out ==
        "web 0\n");
}

TEST_CASE("health: starting, healthy, unhealthy and back, as its probe says") {
  SKIP_UNLESS_ROOT();
  const Yard yard({"--health-cmd", "test ! -e /bad || { echo worse; exit 1; }", "--health-interval",
                   "100ms", "--health-retries", "2"});
  const auto shows = [&](const std::string& status) {
    return soon([&] {
      return yard.slipway({"inspect", "--format", "{{.State.Health.Status}}", "web"}).out ==
             status + "\n";
    });
  };
  CHECK(shows("healthy"));
  CHECK(yard.slipway({"ps", "--format", "{{.Status}}"}).out.find("(healthy)") != std::string::npos);
  CHECK(yard.says({"web", "touch", "/bad"}) == "=0");
  CHECK(shows("unhealthy"));
  CHECK(yard.slipway({"inspect", "--format", "{{json .State.Health.Log}}", "web"})
            .out.find("worse") != std::string::npos);
  CHECK(yard.says({"web", "rm", "/bad"}) == "=0");
  CHECK(shows("healthy"));
}
