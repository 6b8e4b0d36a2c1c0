// Many steps at once, and many builds one after the other.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  if (!fs::exists(folder)) return names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Control groups that have slipway's name.
std::size_t control_groups() {
  std::size_t count = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at("/sys/fs/cgroup", error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().filename().string().find("slipway") != std::string::npos) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("two hundred steps of one build run beside each other") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  constexpr int steps = 200;
  std::string stages;
  std::string copies = "FROM scratch\n";
  for (int i = 0; i < steps; ++i) {
    const std::string name = std::to_string(i);
    // Each waits for all others.
    stages += "FROM busybox AS s" + name +
              "\nRUN --mount=type=cache,id=meeting,target=/m touch /m/" + name +
              "; until set -- /m/*; test $# -ge " + std::to_string(steps) +
              "; do sleep 0.5; done; echo " + name + " > /out" + name + "\n";
    copies += "COPY --from=s" + name + " /out" + name + " /\n";
  }
  workshop.write("Dockerfile", stages + copies);
  const fs::path files =
      workshop.files_of(workshop.context(), {"--max-parallelism", std::to_string(steps)});
  for (int i = 0; i < steps; ++i) {
    const std::string name = std::to_string(i);
    CHECK(read(files / ("out" + name)) == name + "\n");
  }
  // And once more from the cache.
  const Built again = workshop.build();
  CHECK(again.misses == 0);
}

TEST_CASE("five hundred builds leave no mount, process, control group or temporary file") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  // What a build's processes leave becomes this one's child, to be found.
  REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  workshop.write("secret", "x");
  workshop.write("Dockerfile",
                 "FROM busybox\nARG ROUND\n"
                 "RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t "
                 "--mount=type=bind,target=/b,rw --mount=type=secret,id=s "
                 "echo $ROUND > /round; (sleep 1000 &); test $ROUND -lt 400\n");
  const auto build = [&](int round) {
    return workshop
        .slipway({"build", "--progress=plain", "--secret",
                  "id=s,src=" + (workshop.context() / "secret").string(), "--build-arg",
                  "ROUND=" + std::to_string(round), workshop.context()})
        .status;
  };
  // A failure keeps what its step left, for as long as it is the last build.
  REQUIRE(build(999) != 0);
  CHECK(names_in(workshop.root() / "failed").size() == 1);
  REQUIRE(build(0) == 0);
  const std::size_t mounts = lines_of(read("/proc/self/mountinfo"));
  const std::size_t groups = control_groups();
  const auto beside = names_in(workshop.folder());
  const auto state = names_in(workshop.root());
  const auto locks = names_in(workshop.root() / "locks");

  // Most run their step, some find it in the cache, and the last hundred fail.
  for (int i = 1; i <= 500; ++i)
    CHECK((build(i % 10 == 0 ? 0 : i) == 0) == (i < 400 || i % 10 == 0));

  CHECK(lines_of(read("/proc/self/mountinfo")) == mounts);
  // Other tests may run beside this one, and have groups for a moment.
  for (int tries = 0; tries < 200 && control_groups() > groups; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(control_groups() <= groups);
  CHECK(names_in(workshop.folder()) == beside);
  CHECK(names_in(workshop.root()) == state);
  CHECK(names_in(workshop.root() / "locks") == locks);
  CHECK(names_in(workshop.root() / "work").empty());
  CHECK(names_in(workshop.root() / "failed").empty());
  CHECK(names_in(workshop.root() / "mounts").size() == 1);
  const pid_t left = ::waitpid(-1, nullptr, WNOHANG);
  const int why = errno;
  CHECK(left == -1);
  CHECK(why == ECHILD);
}
