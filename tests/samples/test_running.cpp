// Containers as a person runs them: run, create, start, stop and what belongs to them.
#include "workshop.hpp"

#include "at_terminal.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// A store in which every container has ended when the test has.
struct Yard : Workshop {
  ~Yard() {
    for (const std::string& id : containers()) slipway({"kill", id});
    for (const std::string& id : containers()) slipway({"wait", id});
  }

  Finished run(Words words) const {
    words.insert(words.begin(), "run");
    return slipway(words);
  }
  std::string output(const Words& words) const {
    const Finished finished = run(words);
    INFO(finished.err);
    CHECK(finished.status == 0);
    return finished.out;
  }
  // The folders say it without a command of their own.
  Words containers() const {
    Words ids;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(root() / "containers", none))
      if (entry.path().filename().string().size() == 64) ids.push_back(entry.path().filename());
    return ids;
  }
  Words volumes() const {
    Words names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(root() / "volumes", none))
      names.push_back(entry.path().filename());
    return names;
  }
  // A command line of the shell, in which $slipway is the program with this store.
  Finished shell(const std::string& line) const {
    return slipway::run({"sh", "-c",
                         "cd " + folder().string() + "\nslipway='" SLIPWAY_PROGRAM " --root " +
                             root().string() + "'\n" + line});
  }
  Words words(Words behind) const {
    Words all{SLIPWAY_PROGRAM, "--root", root().string()};
    all.insert(all.end(), behind.begin(), behind.end());
    return all;
  }
};

bool soon(const std::function<bool()>& holds) {
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > late) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

std::string without_line_break(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("a program's streams and status are the command's, and --rm leaves nothing") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const Finished finished =
      yard.run({"--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3"});
  CHECK(finished.status == 3);
  CHECK(finished.out == "out\n");
  CHECK(finished.err == "err\n");
  CHECK(yard.containers().empty());

  CHECK(yard.run({"--rm", "busybox", "true"}).status == 0);
  // The first of its processes cannot be killed from inside, as in docker.
  CHECK(yard.output({"--rm", "busybox", "sh", "-c", "kill -9 $$; echo still here"}) ==
        "still here\n");
  CHECK(yard.run({"--rm", "--init", "busybox", "sh", "-c", "kill -9 $$"}).status == 137);
  const Finished missing = yard.run({"--rm", "busybox", "no-such-program"});
  CHECK(missing.status == 127);
  CHECK(missing.err.starts_with("error: program \"no-such-program\" was not found in PATH"));
  CHECK(yard.run({"--rm", "busybox", "/no/such/program"}).status == 127);
  CHECK(yard.run({"--rm", "busybox", "/etc"}).status == 126);
  CHECK(yard.run({"--rm", "busybox", "/etc/passwd"}).status == 126);
  CHECK(yard.containers().empty());

  CHECK(yard.run({"--no-such-flag", "busybox"}).status == 125);
  const Finished never = yard.run({"--pull", "never", "no/such:image", "true"});
  CHECK(never.status == 125);
  CHECK(never.err.starts_with("error: there is no image \"no/such:image\""));
  CHECK(yard.run({"--rm", "-u", "nobody-knows", "busybox", "true"}).status == 125);
}

TEST_CASE("bytes go through as they are, in both directions") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const Finished sums = yard.shell(
      "head -c 3000000 /dev/urandom > bytes-$$; md5sum < bytes-$$\n"
      "$slipway run --rm -i busybox md5sum < bytes-$$\n"
      "$slipway run --rm -i busybox cat < bytes-$$ | md5sum\n"
      "cat bytes-$$ | $slipway run --rm -i busybox sh -c 'cat >&2' 2>&1 >/dev/null | md5sum\n"
      "rm bytes-$$");
  INFO(sums.err);
  CHECK(sums.status == 0);
  REQUIRE(sums.out.size() > 36);
  const std::string first = sums.out.substr(0, sums.out.find('\n') + 1);
  CHECK(sums.out == first + first + first + first);

  // Without -i there is nothing to read.
  CHECK(yard.shell("echo no | $slipway run --rm busybox cat").out.empty());
  // What does not read its input ends all the same.
  CHECK(yard.shell("yes | head -c 1000000 | $slipway run --rm -i busybox true").status == 0);
  // A reader that reads slowly loses nothing.
  CHECK(without_line_break(
            yard.shell("$slipway run --rm busybox sh -c 'yes | head -c 2000000' | (sleep 1; wc -c)")
                .out) == "2000000");
}

TEST_CASE("a reader that has seen enough ends the command, and not the container") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const Finished finished = yard.shell(
      "$slipway run --name talker busybox sh -c 'while echo line; do sleep 0.01; done' | head -n "
      "2; "
      "$slipway kill talker; $slipway wait talker");
  INFO(finished.err);
  CHECK(finished.out == "line\nline\ntalker\n137\n");
}

TEST_CASE("signals are the container's") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string program =
      "trap 'echo asked; exit 7' INT; trap 'echo told; exit 8' TERM; echo ready; "
      "while :; do sleep 0.05; done";
  {
    AtTerminal person(yard.words({"run", "--rm", "busybox", "sh", "-c", program}));
    CHECK(person.shows("ready"));
    person.type("\x03");
    CHECK(person.shows("asked"));
    CHECK(person.wait() == 7);
  }
  {
    AtTerminal person(yard.words({"run", "--rm", "busybox", "sh", "-c", program}));
    CHECK(person.shows("ready"));
    person.signal(SIGTERM);
    CHECK(person.shows("told"));
    CHECK(person.wait() == 8);
  }
  // Who asks three times has had enough; the container goes on.
  {
    AtTerminal person(yard.words(
        {"run", "--name", "deaf", "busybox", "sh", "-c", "trap '' INT; echo ready; sleep 1000"}));
    CHECK(person.shows("ready"));
    for (int i = 0; i < 3; ++i) {
      person.type("\x03");
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    CHECK(person.shows("slipway kill deaf"));
    CHECK(person.wait() == 1);
  }
  CHECK(yard.slipway({"kill", "deaf"}).status == 0);
  {
    AtTerminal person(yard.words({"run", "--name", "watched", "--sig-proxy=false", "busybox", "sh",
                                  "-c", "echo ready; sleep 1000"}));
    CHECK(person.shows("ready"));
    person.type("\x03");
    CHECK(person.wait() == 128 + SIGINT);
  }
  CHECK(yard.slipway({"kill", "watched"}).status == 0);
}

TEST_CASE("a container in the background: logs, wait, attach, stop, start again") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string id = without_line_break(yard.output(
      {"-d", "--name", "job", "busybox", "sh", "-c",
       "trap 'echo asked to end; exit 9' TERM; echo begun; while :; do sleep 0.05; done"}));
  CHECK(id.size() == 64);
  CHECK(yard.containers() == Words{id});
  CHECK(soon([&] { return yard.slipway({"logs", "job"}).out == "begun\n"; }));
  CHECK(yard.run({"-d", "--name", "job", "busybox", "true"}).status == 125);
  CHECK(yard.shell("$slipway run -d --rm busybox true > /dev/full").status == 125);

  Program attached(yard.words({"attach", "job"}));
  Program waiting(yard.words({"wait", id.substr(0, 12)}));
  Program following(yard.words({"logs", "-f", "job"}));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK(attached.running());
  CHECK(waiting.running());
  CHECK(following.running());
  const Finished stopped = yard.slipway({"stop", "job"});
  INFO(stopped.err);
  CHECK(stopped.out == "job\n");
  const Finished seen = attached.wait();
  CHECK(seen.status == 9);
  CHECK(seen.out == "asked to end\n");
  CHECK(waiting.wait().out == "9\n");
  CHECK(following.wait().out == "begun\nasked to end\n");
  CHECK(yard.slipway({"wait", "job"}).out == "9\n");
  CHECK(yard.slipway({"attach", "job"}).status == 1);
  CHECK(yard.slipway({"stop", "job"}).status == 0);  // it has

  CHECK(yard.slipway({"start", "job"}).out == "job\n");
  CHECK(yard.slipway({"start", "job"}).out == "job\n");  // it runs
  CHECK(soon([&] { return yard.slipway({"logs", "job"}).out == "begun\nasked to end\nbegun\n"; }));
  CHECK(yard.slipway({"kill", "-s", "TERM", "job"}).out == "job\n");
  CHECK(yard.slipway({"wait", "job"}).out == "9\n");
  CHECK(yard.slipway({"kill", "job"}).status == 1);
}

TEST_CASE("create makes it, start -a shows it, and its files stay") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  CHECK(yard.slipway({"create", "--name", "counter", "busybox", "sh", "-c",
                      "echo x >> /count; wc -l < /count; exit 4"})
            .status == 0);
  const Finished first = yard.slipway({"start", "-a", "counter"});
  INFO(first.err);
  CHECK(first.out == "1\n");
  CHECK(first.status == 4);
  CHECK(yard.slipway({"start", "--attach", "counter"}).out == "2\n");
  CHECK(yard.slipway({"restart", "counter"}).out == "counter\n");
  CHECK(yard.slipway({"wait", "counter"}).out == "4\n");
  CHECK(yard.slipway({"logs", "--tail", "1", "counter"}).out == "3\n");

  CHECK(yard.slipway({"create", "-i", "--name", "sum", "busybox", "md5sum"}).status == 0);
  CHECK(yard.shell("printf abc | $slipway start -ai sum")
            .out.starts_with("900150983cd24fb0d6963f7d28e17f72"));
  // One that runs is attached to.
  yard.output({"-d", "-i", "--name", "asks", "busybox", "sh", "-c",
               "read line; echo \"got $line\"; exit 9"});
  const Finished joined = yard.shell("echo word | $slipway start -ai asks");
  INFO(joined.err);
  CHECK(joined.out == "got word\n");
  CHECK(joined.status == 9);
  const Finished both = yard.slipway({"start", "-a", "sum", "counter"});
  CHECK(both.status == 1);
  // Every one is tried, and what went wrong is told behind them.
  const Finished several = yard.slipway({"start", "nobody", "counter", "nothing"});
  CHECK(several.status == 1);
  CHECK(several.out == "counter\n");
  CHECK(several.err.find("there is no container \"nobody\"") != std::string::npos);
  CHECK(several.err.find("there is no container \"nothing\"") != std::string::npos);
}

TEST_CASE("a stop is by the container's signal and patience") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  yard.output({"-d", "--name", "polite", "--stop-signal", "USR1", "busybox", "sh", "-c",
               "trap 'exit 5' USR1; touch /ready; while :; do sleep 0.05; done"});
  yard.output({"-d", "--name", "deaf", "--stop-timeout", "0", "busybox", "sleep", "1000"});
  yard.output({"-d", "--name", "stubborn", "busybox", "sleep", "1000"});
  const auto began = std::chrono::steady_clock::now();
  CHECK(yard.slipway({"stop", "deaf"}).out == "deaf\n");
  CHECK(yard.slipway({"wait", "deaf"}).out == "137\n");
  CHECK(yard.slipway({"stop", "-t", "1", "stubborn", "polite"}).out == "stubborn\npolite\n");
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(9));
  CHECK(yard.slipway({"wait", "stubborn", "polite"}).out == "137\n5\n");
  CHECK(yard.slipway({"stop", "-s", "NOSIGNAL", "deaf"})
            .err.starts_with("error: --signal \"NOSIGNAL\""));
  CHECK(yard.slipway({"stop", "-t", "soon", "deaf"}).status == 1);
}

TEST_CASE("a container that has ended can be gone already") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string id =
      without_line_break(yard.output({"-d", "--rm", "-v", "/cache", "busybox", "true"}));
  CHECK(id.size() == 64);
  CHECK(soon([&] { return yard.containers().empty(); }));
  CHECK(soon([&] { return yard.volumes().empty(); }));
}

TEST_CASE("somebody else's rm --force is no failure of run --rm, whose status is the program's") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  for (int i = 0; i < 8; ++i) {
    const std::string name = "job" + std::to_string(i);
    Program client = yard.start({"run", "--rm", "--network", "none", "--name", name, "-v", "/cache",
                                 "busybox", "sh", "-c", "echo begun; exec sleep 1000"});
    CHECK(soon([&] { return yard.slipway({"logs", name}).out == "begun\n"; }));
    const Finished removed = yard.slipway({"rm", "-fv", name});
    CHECK(removed.status == 0);
    CHECK(removed.err == "");
    const Finished finished = client.wait();
    CHECK(finished.status == 137);
    CHECK(finished.out == "begun\n");
    CHECK(finished.err == "");
    CHECK(yard.containers().empty());
    CHECK(soon([&] { return yard.volumes().empty(); }));
  }
}

TEST_CASE("a restart is no end, for --rm either") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  yard.output({"-d", "--rm", "--name", "job", "busybox", "sh", "-c", "echo begun; sleep 1000"});
  CHECK(soon([&] { return yard.slipway({"logs", "job"}).out == "begun\n"; }));
  const Finished restarted = yard.slipway({"restart", "-t", "0", "job"});
  CAPTURE(restarted.err);
  CHECK(restarted.out == "job\n");
  CHECK(soon([&] { return yard.slipway({"logs", "job"}).out == "begun\nbegun\n"; }));
  CHECK(yard.slipway({"kill", "job"}).status == 0);
  CHECK(soon([&] { return yard.containers().empty(); }));
}

TEST_CASE("who stays with a container that is restarted ends, and leaves it to be removed later") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  for (int i = 0; i < 4; ++i) {
    const std::string name = "job" + std::to_string(i);
    Program client = yard.start({"run", "--rm", "--network", "none", "--name", name, "busybox",
                                 "sh", "-c", "echo begun; exec sleep 1000"});
    CHECK(soon([&] { return yard.slipway({"logs", name}).out == "begun\n"; }));
    const Finished restarted = yard.slipway({"restart", "-t", "0", name});
    CAPTURE(restarted.err);
    CHECK(restarted.status == 0);
    const Finished finished = client.wait();
    CHECK(finished.status == 137);
    CHECK(finished.err == "");
    CHECK(soon([&] { return yard.slipway({"logs", name}).out == "begun\nbegun\n"; }));
    CHECK(yard.slipway({"kill", name}).status == 0);
    CHECK(soon([&] { return yard.containers().empty(); }));
  }
}

TEST_CASE("what the flags say of the program is so") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  std::ofstream(yard.folder() / "env") << "# mine\nFROM_FILE=1\n";
  CHECK(yard.output({"--rm", "-e", "A=b c", "--env-file", yard.folder() / "env", "busybox", "sh",
                     "-c", "echo $A $FROM_FILE $HOME"}) == "b c 1 /root\n");
  CHECK(yard.output({"--rm", "-w", "/new/place", "busybox", "pwd"}) == "/new/place\n");
  CHECK(yard.output({"--rm", "-h", "me", "busybox", "hostname"}) == "me\n");
  CHECK(yard.output({"--rm", "busybox", "hostname"}).size() == 13);
  CHECK(yard.output({"--rm", "--entrypoint", "echo", "busybox", "said"}) == "said\n");
  CHECK(yard.output({"--rm", "--init", "busybox", "sh", "-c", "echo $$"}) != "1\n");
  CHECK(yard.output({"--rm", "busybox", "sh", "-c", "echo $$"}) == "1\n");
  CHECK(yard.output({"--rm", "--add-host", "db:10.1.2.3", "busybox", "grep", "db", "/etc/hosts"})
            .starts_with("10.1.2.3"));
  CHECK(yard.output({"--rm", "--network", "none", "busybox", "sh", "-c", "ls /sys/class/net"}) ==
        "lo\n");
  CHECK(yard.output({"--rm", "--ulimit", "nofile=99:100", "busybox", "sh", "-c", "ulimit -n"}) ==
        "99\n");
  CHECK(yard.output({"--rm", "--cap-drop", "ALL", "busybox", "grep", "CapEff",
                     "/proc/self/status"}) == "CapEff:\t0000000000000000\n");
  CHECK(yard.output({"--rm", "--security-opt", "no-new-privileges", "busybox", "grep", "NoNewPrivs",
                     "/proc/self/status"}) == "NoNewPrivs:\t1\n");
  CHECK(yard.run({"--rm", "--read-only", "busybox", "touch", "/x"}).status == 1);
  CHECK(yard.output({"--rm", "--read-only", "--tmpfs", "/mem", "busybox", "sh", "-c",
                     "echo ok > /mem/x; cat /mem/x"}) == "ok\n");
  CHECK(yard.output({"--rm", "--shm-size", "1m", "busybox", "sh", "-c",
                     "df -k /dev/shm | tail -n 1 | awk '{print $2}'"}) == "1024\n");
  CHECK(yard.output({"--rm", "-q", "--pull", "missing", "--log-driver", "none", "busybox", "echo",
                     "x"}) == "x\n");
}

TEST_CASE("the image's own words count where no flag does") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  yard.write(
      "Dockerfile",
      "FROM busybox\nENV A=image\nWORKDIR /work\nRUN mkdir /data && echo seed > /data/file && "
      "chown 5:6 /data\nVOLUME /data\nENTRYPOINT [\"sh\", \"-c\"]\nCMD [\"echo $A $(pwd) $(cat "
      "/data/file) $(stat -c %u:%g /data)\"]\n");
  REQUIRE(yard.build({"-t", "app"}).status == 0);
  CHECK(yard.output({"--rm", "app"}) == "image /work seed 5:6\n");
  CHECK(yard.volumes().empty());
  CHECK(yard.output({"--rm", "-e", "A=mine", "app", "echo $A"}) == "mine\n");
  // A named one is seeded once, and outlives its containers.
  yard.output({"--rm", "-v", "kept:/data", "app", "echo more >> /data/file"});
  CHECK(yard.volumes() == Words{"kept"});
  CHECK(yard.output({"--rm", "-v", "kept:/data", "app", "cat /data/file"}) == "seed\nmore\n");
  CHECK(yard.output({"--rm", "-v", "empty:/data:nocopy", "app", "ls /data"}).empty());
  CHECK(yard.output({"--rm", "--mount", "type=tmpfs,target=/data", "app", "ls /data"}).empty());
  // The image is as it was.
  CHECK(yard.output({"--rm", "app", "cat /data/file"}) == "seed\n");
}

TEST_CASE("files of this machine") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const fs::path here = yard.folder() / "here";
  fs::create_directory(here);
  std::ofstream(here / "file") << "from here\n";
  CHECK(yard.output({"--rm", "-v", here.string() + ":/h:ro", "busybox", "cat", "/h/file"}) ==
        "from here\n");
  CHECK(yard.run({"--rm", "-v", here.string() + ":/h:ro", "busybox", "touch", "/h/x"}).status == 1);
  CHECK(yard.run({"--rm", "--mount", "type=bind,src=" + here.string() + ",dst=/h", "busybox",
                  "touch", "/h/made"})
            .status == 0);
  CHECK(fs::exists(here / "made"));
  CHECK(yard.output({"--rm", "-v", (here / "file").string() + ":/etc/one", "busybox", "cat",
                     "/etc/one"}) == "from here\n");
  CHECK(yard.shell("cd " + here.string() + " && $slipway run --rm -v .:/h -w /h busybox ls").out ==
        "file\nmade\n");
  yard.output({"--rm", "-v", (here / "new/one").string() + ":/h", "busybox", "true"});
  CHECK(fs::is_directory(here / "new/one"));
  CHECK(yard.run({"--rm", "--mount", "type=bind,src=" + (here / "none").string() + ",dst=/h",
                  "busybox", "true"})
            .status == 125);
  yard.output({"-d", "--name", "owner", "-v", here.string() + ":/h", "-v", "/own", "busybox", "sh",
               "-c", "echo shared > /own/x; sleep 1000"});
  CHECK(soon([&] {
    return yard.run({"--rm", "--volumes-from", "owner", "busybox", "cat", "/own/x"}).out ==
           "shared\n";
  }));
  CHECK(yard.run({"--rm", "--volumes-from", "owner:ro", "busybox", "touch", "/h/x"}).status == 1);
  CHECK(yard.containers().size() == 1);
}

TEST_CASE("the ID in a file, and none where the container could not be made") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string file = yard.folder() / "id";
  CHECK(yard.run({"--cidfile", file, "-v", "/a:/", "busybox", "true"}).status == 125);
  CHECK_FALSE(fs::exists(file));
  const std::string id =
      without_line_break(yard.output({"-d", "--cidfile", file, "busybox", "true"}));
  CHECK(read(file) == id);
  const Finished again = yard.run({"--cidfile", file, "busybox", "true"});
  CHECK(again.status == 125);
  CHECK(again.err.find("is there already") != std::string::npos);
  CHECK(yard.containers() == Words{id});
}

TEST_CASE("run --build builds, and runs what it gives") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  yard.write("Dockerfile", "FROM busybox\nRUN exit 1\n");
  yard.write("dev.Dockerfile",
             "FROM busybox AS base\nARG WORD\nRUN echo built $WORD > /said\nCMD [\"cat\", "
             "\"/said\"]\nFROM base\nRUN exit 1\n");
  const std::string context = yard.context();
  const Finished finished = yard.run({"--rm", "--build", context, "-f", context + "/dev.Dockerfile",
                                      "--target", "base", "--build-arg", "WORD=here"});
  INFO(finished.err);
  CHECK(finished.status == 0);
  CHECK(finished.out == "built here\n");
  CHECK(finished.err.find("RUN echo built") != std::string::npos);
  CHECK(yard.output({"--rm", "-q", "--build", context, "-f", context + "/dev.Dockerfile",
                     "--target", "base", "--build-arg", "WORD=here", "echo", "own"}) == "own\n");
  const Finished failed = yard.run({"--rm", "--build", context});
  CHECK(failed.status == 1);
  CHECK(failed.out.empty());
  CHECK(yard.containers().empty());
}

TEST_CASE("a paused container stands still") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  yard.output({"-d", "--name", "clock", "-v", yard.folder().string() + ":/h", "busybox", "sh", "-c",
               "n=0; while :; do n=$((n+1)); echo $n > /h/ticks; sleep 0.02; done"});
  const auto ticks = [&] { return read(yard.folder() / "ticks"); };
  CHECK(soon([&] { return fs::exists(yard.folder() / "ticks"); }));
  CHECK(yard.slipway({"pause", "clock"}).out == "clock\n");
  const std::string then = ticks();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(ticks() == then);
  CHECK(yard.slipway({"pause", "clock"}).err.find("is paused already") != std::string::npos);
  CHECK(yard.slipway({"attach", "clock"}).err.find("is paused") != std::string::npos);
  CHECK(yard.slipway({"unpause", "clock"}).out == "clock\n");
  CHECK(soon([&] { return ticks() != then; }));
  CHECK(yard.slipway({"unpause", "clock"}).err.find("is not paused") != std::string::npos);
}

TEST_CASE("logs: the end of them, with times, since a time, each stream to its own") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  yard.run({"--name", "talker", "busybox", "sh", "-c",
            "echo one; echo two >&2; echo three; printf four"});
  const Finished all = yard.slipway({"logs", "talker"});
  CHECK(all.status == 0);
  CHECK(all.out == "one\nthree\nfour");
  CHECK(all.err == "two\n");
  CHECK(yard.slipway({"logs", "--tail", "0", "talker"}).out.empty());
  yard.run({"--name", "counter", "busybox", "seq", "1000"});
  CHECK(yard.slipway({"logs", "-n", "2", "counter"}).out == "999\n1000\n");
  CHECK(yard.slipway({"logs", "--tail", "all", "talker"}).out == "one\nthree\nfour");
  for (const char* many : {"-1", "-2", "+7", "99999999999999999999", "-99999999999999999999"})
    CHECK(yard.slipway({"logs", "--tail", many, "talker"}).out == "one\nthree\nfour");
  const std::string stamped = yard.slipway({"logs", "-t", "talker"}).out;
  CHECK(stamped.substr(4, 1) == "-");
  CHECK(stamped.find("Z one\n") != std::string::npos);
  const std::string time = stamped.substr(0, stamped.find(' '));
  CHECK(yard.slipway({"logs", "--since", time, "talker"}).out == "one\nthree\nfour");
  CHECK(yard.slipway({"logs", "--until", "2001-01-01T00:00:00Z", "talker"}).out.empty());
  CHECK(yard.slipway({"logs", "--since", "1h", "talker"}).out == "one\nthree\nfour");
  // Beyond what nanoseconds can count.
  for (const char* far : {"9999-12-31T00:00:00Z", "9223372036854775807"}) {
    CHECK(yard.slipway({"logs", "--since", far, "talker"}).out.empty());
    CHECK(yard.slipway({"logs", "--until", far, "talker"}).out == "one\nthree\nfour");
  }
  CHECK(yard.slipway({"logs", "--since", "sometime", "talker"}).status == 1);
  CHECK(yard.slipway({"logs", "--tail", "many", "talker"}).status == 1);
  CHECK(yard.slipway({"logs", "nobody"}).status == 1);
}
