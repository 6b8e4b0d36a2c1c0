// What containers leave: seen, copied, exported, and kept as images.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;

// A store in which every container has ended when the test has.
struct Yard : Workshop {
  ~Yard() {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(root() / "containers", none)) {
      const std::string id = entry.path().filename().string();
      if (id.size() != 64) continue;
      slipway({"kill", id});
      slipway({"wait", id});
    }
  }
  // What it prints; it must succeed.
  std::string out(const Words& arguments) const {
    const Finished finished = slipway(arguments);
    CAPTURE(arguments.front());
    INFO(finished.err);
    CHECK(finished.status == 0);
    return finished.out;
  }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(folder() / name) << text;
  }
  std::string here(const std::string& name) const { return (folder() / name).string(); }
};

}  // namespace

TEST_CASE("a container's changes are shown, kept as an image, looked back on and run") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string base = yard.out({"images", "-q", "--no-trunc", "busybox:latest"});
  yard.out({"run", "--name", "box", "-e", "WHO=world", "busybox:latest", "sh", "-c",
            "echo hello > /greeting; rm /bin/wc"});
  CHECK(yard.out({"diff", "box"}) == "C /bin\nD /bin/wc\nA /greeting\n");

  const std::string id =
      yard.out({"commit", "-a", "Ada <ada@example.org>", "-m", "with a greeting", "-c",
                "CMD [\"cat\", \"/greeting\"]", "-c", "LABEL kind=test", "box", "team/box:1"});
  CHECK(id.starts_with("sha256:"));
  CHECK(yard.out({"run", "--rm", "team/box:1"}) == "hello\n");
  CHECK(yard.out({"run", "--rm", "team/box:1", "sh", "-c", "echo $WHO; ls /bin/wc 2>&1; true"})
            .find("world\nls: ") == 0);
  const std::string history = yard.out({"history", "--no-trunc", "team/box:1"});
  CHECK(history.find("with a greeting") != std::string::npos);
  CHECK(history.find("sh -c echo hello > /greeting; rm /bin/wc") != std::string::npos);
  const std::string inspected = yard.out({"inspect", "team/box:1"});
  CHECK(inspected.find("Ada <ada@example.org>") != std::string::npos);
  CHECK(inspected.find("\"kind\": \"test\"") != std::string::npos);
  CHECK(yard.out({"images", "-q", "--no-trunc", "busybox:latest"}) == base);

  // A build of the same does not take the container's layer for its step's.
  yard.write("Dockerfile", "FROM busybox:latest\nRUN echo hello > /greeting; rm /bin/wc\n");
  CHECK(yard.build().ran() == Words{"RUN echo hello > /greeting; rm /bin/wc"});

  const Finished refused = yard.slipway({"commit", "-c", "CMD true", "-c", "RUN make", "box"});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("--change:2:1: error: --change cannot do this\n    2 | RUN make\n") == 0);
  CHECK(yard.slipway({"commit", "nobody"}).status == 1);
  CHECK(yard.slipway({"fsck"}).status == 0);
}

TEST_CASE("files go in and out, of a container that runs and of one that does not") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  yard.put("config", "port 80\n");
  yard.out({"create", "--name", "box", "-v", "data:/data", "busybox:latest", "sh", "-c",
            "cat /config /data/config; echo log > /data/log; until [ -e /end ]; do sleep 1; done"});
  yard.out({"cp", yard.here("config"), "box:/"});
  yard.out({"cp", yard.here("config"), "box:/data/"});
  yard.out({"start", "box"});
  for (int attempt = 0; attempt < 600; ++attempt) {
    if (yard.slipway({"cp", "box:/data/log", yard.here("log")}).status == 0) break;
    std::this_thread::sleep_for(50ms);
  }
  CHECK(read(yard.folder() / "log") == "log\n");
  CHECK(yard.slipway({"cp", "box:/nothing", yard.here("x")}).status == 1);
  CHECK(yard.slipway({"cp", yard.here("config"), yard.here("x")}).status == 1);
  CHECK(yard.slipway({"cp", "box:/config", "other:/"}).status == 1);
  // From one to another as a tar, with the program as people call it.
  yard.out({"create", "--name", "other", "busybox:latest"});
  const std::string program = SLIPWAY_PROGRAM " --root " + yard.root().string() + " ";
  CHECK(
      slipway::run({"sh", "-c", program + "cp box:/data - | " + program + "cp - other:/"}).status ==
      0);
  yard.out({"cp", "other:/data/.", yard.here("both")});
  CHECK(read(yard.folder() / "both/config") == "port 80\n");
  CHECK(read(yard.folder() / "both/log") == "log\n");
  yard.put("end", "");
  yard.out({"cp", yard.here("end"), "box:/end"});
  CHECK(yard.out({"wait", "box"}) == "0\n");
  CHECK(yard.out({"logs", "box"}) == "port 80\nport 80\n");
}

TEST_CASE("an exported container is the same again as an image") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  yard.out({"run", "--name", "box", "-v", "data:/data", "busybox:latest", "sh", "-c",
            "echo text > /file; chown 3:4 /file; chmod 4711 /file; ln /file /again; "
            "ln -s file /link; rm /bin/wc; echo not > /data/this"});
  yard.out({"export", "box", "-o", yard.here("box.tar")});
  yard.out({"import", yard.here("box.tar"), "flat"});
  const std::string show =
      "stat -c '%n %a %u:%g %h' /file /again; cat /link; ls /bin/wc /data 2>&1";
  const std::string seen = yard.out({"run", "--rm", "flat", "sh", "-c", show + "; true"});
  CHECK(seen.find("/file 4711 3:4 2\n/again 4711 3:4 2\ntext\n") == 0);
  CHECK(seen.find("this") == std::string::npos);
  CHECK(seen.find("/bin/wc: No such file") != std::string::npos);
  CHECK(yard.slipway({"export", "nothing", "-o", yard.here("x")}).status == 1);
}

TEST_CASE("a commit that is killed leaves the store whole and the container running") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  yard.out({"run", "-d", "--name", "box", "busybox:latest", "sh", "-c",
            "head -c 30000000 /dev/zero | tr '\\0' x > /big; : > /ready; "
            "i=0; while :; do i=$((i+1)); echo $i > /count; done"});
  for (int attempt = 0; attempt < 600; ++attempt) {
    if (yard.slipway({"cp", "box:/ready", yard.here("ready")}).status == 0) break;
    std::this_thread::sleep_for(50ms);
  }
  for (int round = 0; round < 6; ++round) {
    Program commit = yard.start({"commit", "box", "team/box"});
    std::this_thread::sleep_for(round * 25ms);
    commit.kill(SIGKILL);
    commit.wait();
  }
  const auto count = [&] {
    yard.out({"cp", "box:/count", yard.here("count")});
    return read(yard.folder() / "count");
  };
  const std::string before = count();
  bool goes_on = false;
  for (int attempt = 0; attempt < 600 && !goes_on; ++attempt) goes_on = count() != before;
  CHECK(goes_on);
  // A layer that was in its place, and had no row yet, is nothing that anybody refers to; the rest
  // is sound.
  const Finished checked = yard.slipway({"fsck"});
  std::istringstream lines(checked.out);
  std::string line;
  REQUIRE(std::getline(lines, line));
  for (std::string next; std::getline(lines, next); line = next)  // the last one counts
    CHECK_MESSAGE(line.find(" belongs to nothing") != std::string::npos, checked.out);
  CHECK_MESSAGE(yard.slipway({"fsck", "-n"}).status == 0, checked.out << checked.err);
  const std::string id = yard.out({"commit", "box", "team/box"});
  CHECK(yard.out({"run", "--rm", "team/box", "sh", "-c", "head -c 3 /big"}) == "xxx");
  CHECK(yard.slipway({"fsck"}).status == 0);
  CHECK(fs::is_empty(yard.root() / "work"));
}
