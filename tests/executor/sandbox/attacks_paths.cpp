// Images whose paths lead out of the root.
#include "attack_fixture.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

using namespace slipway;
using Type = RunProcess::Mount::Type;
namespace fs = std::filesystem;

namespace {

// Ways to write "there" in an image.
std::vector<std::string> ways_to(const Outside& outside) {
  return {outside.path().string(),
          outside.climbing(),
          "/proc/self/root" + outside.path().string(),
          "/proc/1/root" + outside.path().string(),
          "/proc/self/cwd/../../../../../.." + outside.path().string(),
          "/proc/self/fd/3",
          "/proc/thread-self/root" + outside.path().string()};
}

void replace_by_link(const fs::path& path, const std::string& target) {
  fs::remove_all(path);
  fs::create_directories(path.parent_path());
  fs::create_symlink(target, path);
}

}  // namespace

// place_for_kernel() refuses a link; a followed one would get a tmpfs, and the step's devices, over
// the host's directory.
TEST_CASE("CVE-2026-41579, CVE-2026-47766: an image's /dev, /proc or /sys is a link") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* name : {"dev", "proc", "sys"}) {
    TestStep any("true");
    const Outside outside(any.pad);
    for (const std::string& way : ways_to(outside)) {
      CAPTURE(name);
      CAPTURE(way);
      TestStep step("true");
      step.with_busybox();
      replace_by_link(step.image / name, way);
      CHECK(refusal(*runner, step).find("is a symbolic link") != std::string::npos);
      CHECK(outside.untouched());
    }
  }
}

// The kernel's directories are new file systems of the sandbox, so nothing of the image is in them,
// and what is masked is masked by the sandbox's own /dev/null.
TEST_CASE(
    "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881: an image prepares /dev, /proc and /sys") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step(
      "stat -c '%t,%T' /dev/null; cat /proc/kcore /proc/keys | wc -c; "
      "(echo x > /proc/sys/kernel/hostname) 2> /dev/null; (echo x > /proc/sysrq-trigger) 2> "
      "/dev/null; grep -c ' /proc/sys proc ro' /proc/mounts; test -e /dev/console || echo none");
  step.with_busybox();
  const Outside outside(step.pad);
  replace_by_link(step.image / "dev/null", (outside.path() / "host").string());
  replace_by_link(step.image / "dev/pts", outside.path().string());
  replace_by_link(step.image / "dev/shm", outside.path().string());
  replace_by_link(step.image / "dev/console", (outside.path() / "empty").string());
  replace_by_link(step.image / "proc/sys", outside.path().string());
  replace_by_link(step.image / "proc/kcore", (outside.path() / "empty").string());
  replace_by_link(step.image / "sys/firmware", outside.path().string());
  replace_by_link(step.image / "sys/fs/cgroup", outside.path().string());
  CHECK(step.run(*runner).out == "1,3\n0\n1\nnone\n");
  CHECK(outside.untouched());
}

// A place for hosts and resolv.conf is looked for link by link within the root (RootTree::walk).
TEST_CASE("CVE-2024-9341, CVE-2024-1753: /etc, hosts or resolv.conf of the image leads out") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* name : {"etc", "etc/hosts", "etc/resolv.conf"}) {
    TestStep any("true");
    const Outside outside(any.pad);
    for (const std::string& way : ways_to(outside)) {
      CAPTURE(name);
      CAPTURE(way);
      TestStep step("true");
      step.with_busybox();
      const bool file = std::string(name) != "etc";
      replace_by_link(step.image / name, file ? way + "/host" : way);
      // It runs or is refused, but nothing is made, bound or removed out there.
      refusal(*runner, step);
      CHECK(outside.untouched());
      for (const std::string& left : step.left()) CHECK(left.find("outside") == std::string::npos);
    }
  }
}

TEST_CASE("CVE-2024-9676, CVE-2026-47262: passwd or group of the image is the host's") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* name : {"etc/passwd", "etc/group"}) {
    TestStep any("true");
    const Outside outside(any.pad);
    write_file(outside.path() / "host", "thief:x:0:0::/:\n");
    for (const std::string& way : ways_to(outside)) {
      CAPTURE(way);
      TestStep step("id -u");
      step.with_busybox().operation.user =
          std::string(name) == "etc/passwd" ? "thief" : "root:thief";
      replace_by_link(step.image / name, way + "/host");
      CHECK(refusal(*runner, step).find("is not in the image's") != std::string::npos);
    }
  }
}

// Init asks where it is after chdir: a place that is not below this root has no name in it. And
// before that, no descriptor of the host is open any more (attacks_leaks.cpp).
TEST_CASE("CVE-2024-21626: the working directory is a descriptor of the builder's") {
  const auto runner = real_runner();
  if (!runner) return;
  std::vector<int> leaks;  // without O_CLOEXEC
  for (int i = 0; i < 8; ++i) leaks.push_back(::open("/", O_PATH | O_DIRECTORY));
  for (int number = 0; number < 64; ++number) {
    for (const std::string& base :
         {std::string("/proc/self/fd/"), std::string("/proc/1/fd/"), std::string("/dev/fd/")}) {
      TestStep step("pwd; ls ..");
      step.with_busybox().operation.working_directory = base + std::to_string(number);
      const std::string told = refusal(*runner, step);
      CAPTURE(step.operation.working_directory);
      CHECK((told.starts_with("cannot enter the working directory") ||
             told.find("outside of the root") != std::string::npos));
    }
  }
  for (const int leak : leaks) ::close(leak);
}

TEST_CASE("CVE-2024-21626: the working directory of the image leads out by links") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep any("true");
  const Outside outside(any.pad);
  for (const std::string& way : ways_to(outside)) {
    CAPTURE(way);
    TestStep step("touch stolen; ls /host");
    step.with_busybox().operation.working_directory = "/work";
    replace_by_link(step.image / "work", way);
    refusal(*runner, step);
    CHECK(outside.untouched());
    TestStep below("touch stolen");
    below.with_busybox().operation.working_directory = "/work/new/directory";
    replace_by_link(below.image / "work", way);
    refusal(*runner, below);
    CHECK(outside.untouched());
  }
}

// Targets and sources are opened once, beneath their root, and mounted by descriptor.
TEST_CASE("CVE-2024-1753, CVE-2024-9675: the target of a mount leads out") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep any("true");
  const Outside outside(any.pad);
  for (const std::string& way : ways_to(outside)) {
    for (const char* target : {"/out/new/file", "/out/host", "/out/empty", "/out/directory/x"}) {
      CAPTURE(way);
      CAPTURE(target);
      TestStep step("true");
      step.with_busybox();
      replace_by_link(step.image / "out", way);
      step.request.mounts = {secret_at(target)};
      refusal(*runner, step);
      CHECK(outside.untouched());
      TestStep memory("true");
      memory.with_busybox();
      replace_by_link(memory.image / "out", way);
      memory.request.mounts = {mount_at(Type::tmpfs, target)};
      refusal(*runner, memory);
      CHECK(outside.untouched());
    }
  }
}

TEST_CASE("CVE-2024-1753, CVE-2024-9675, buildkit v0.31.2: the source of a mount leads out") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep any("true");
  const Outside outside(any.pad);
  std::vector<std::string> ways = ways_to(outside);
  ways.push_back("/../../../../../../../../.." + outside.path().string());
  for (const std::string& way : ways) {
    for (const Type type : {Type::bind, Type::cache}) {
      CAPTURE(way);
      TestStep step("cat /x/host /x/link/host 2> /dev/null; touch /x/stolen 2> /dev/null; true");
      step.with_busybox();
      const fs::path tree = step.pad.path() / "tree";
      fs::create_directories(tree);
      fs::create_symlink(way, tree / "link");
      ResolvedMount mount = mount_at(type, "/x");
      mount.mount.source = "/link";
      if (type == Type::bind) {
        mount.lowers = {tree};
      } else {
        mount.directory = tree;
      }
      step.request.mounts = {mount};
      std::string seen;
      try {
        seen = step.run(*runner).out;
      } catch (const Error& error) {
        seen = error.what();
      }
      CHECK(seen.find("the host's") == std::string::npos);
      // Written as the source itself, without a link.
      TestStep direct("cat /x/host 2> /dev/null; true");
      direct.with_busybox();
      mount.mount.source = way;
      direct.request.mounts = {mount};
      CHECK(refusal(*runner, direct).find("mount source") != std::string::npos);
      CHECK(outside.untouched());
    }
  }
}

// A stub is removed as what it is and not by its name: whatever lies at that name is not it.
TEST_CASE("CVE-2024-23652: the place of a mount becomes a link out before it is unmade") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("");
  const Outside outside(step.pad);
  // The host has files of the stubs' names and kinds, empty ones too.
  step.operation.arguments = {"/bin/sh", "-c",
                              "mv /made /away && ln -s " + outside.climbing() +
                                  " /made; mv /other /gone && ln -s " + outside.path().string() +
                                  " /other; true"};
  step.with_busybox();
  step.request.mounts = {secret_at("/made/empty"), mount_at(Type::tmpfs, "/other/directory")};
  CHECK(step.run(*runner).exit_code == 0);
  CHECK(outside.untouched());
  // What the step made is there, what was made for the mounts is not.
  CHECK(step.left() == std::vector<std::string>{"made", "other"});
}

// The name of a heredoc and the id of a cache are data, never paths.
TEST_CASE("CVE-2026-33747: a script's name is a path") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* name : {"../../x", "/etc/x", "..", ".", "", "a/b"}) {
    CAPTURE(name);
    TestStep step("true");
    step.with_busybox().operation.scripts = {{name, "#!/bin/sh\n"}};
    CHECK(refusal(*runner, step).find("cannot be named") != std::string::npos);
  }
}
