// Images that are unusual: many layers, none, users of their own.
#include "executor/sandbox/real_runner.hpp"

#include <executor/snapshot/overlay.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

using namespace slipway;

namespace {

std::vector<std::filesystem::path> many_layers(const std::filesystem::path& folder, int count) {
  std::vector<std::filesystem::path> layers;
  for (int i = 0; i < count; ++i) {
    layers.push_back(folder / ("a-layer-with-a-long-name-such-as-a-digest-" + std::to_string(i)));
    write_file(layers.back() / ("file" + std::to_string(i)), "");
    write_file(layers.back() / "last", std::to_string(i) + "\n");
  }
  return layers;
}

}  // namespace

TEST_CASE("a root file system of two hundred layers") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("ls / | grep -c file; cat /last");
  step.with_busybox();
  for (const auto& layer : many_layers(step.pad.path(), 200)) step.request.lowers.push_back(layer);
  CHECK(step.run(*runner).out == "200\n199\n");
}

TEST_CASE("kernels before 6.8 show as many layers, by mount(2)") {
  if (!real_runner()) return;
  const Scratchpad pad;
  const OverlayTop top{pad.path() / "upper", pad.path() / "work"};
  std::filesystem::create_directories(top.upper);
  std::filesystem::create_directories(top.work);
  const FileDescriptor mount =
      mount_overlay(many_layers(pad.path(), 150), top, OverlayCalls::oldest);
  struct stat status {};
  CHECK(::fstatat(mount.get(), "file0", &status, 0) == 0);
  CHECK(::fstatat(mount.get(), "file149", &status, 0) == 0);
  CHECK(::mkdirat(mount.get(), "made", 0755) == 0);
  CHECK(std::filesystem::is_directory(top.upper / "made"));
}

TEST_CASE("a root file system of nothing runs what a mount brings") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("");
  step.with_busybox();
  ResolvedMount bind;
  bind.mount.type = RunProcess::Mount::Type::bind;
  bind.mount.target = "/tools";
  bind.mount.read_only = true;
  bind.lowers = {step.image};
  step.request.lowers.clear();
  step.request.mounts = {bind};
  step.operation.arguments = {"/tools/bin/busybox", "touch", "/made"};
  CHECK(step.run(*runner).exit_code == 0);
  CHECK(step.left() == std::vector<std::string>{"made"});
}

TEST_CASE("a step is its user, with that one's groups and home") {
  const auto runner = real_runner();
  if (!runner) return;
  const auto id = [&](const std::string& user) {
    TestStep step("echo $(id -u) $(id -g) $(id -G) $HOME");
    step.with_busybox().operation.user = user;
    return step.run(*runner).out;
  };
  CHECK(id("") == "0 0 0 10 /root\n");
  CHECK(id("builder") == "1000 1001 1001 10 29 /home/builder\n");
  CHECK(id("1000:audio") == "1000 29 29 /home/builder\n");
  CHECK(id("56") == "56 0 0 /\n");
}

TEST_CASE("a passwd that never ends stops the step that needs it, and no other") {
  const auto runner = real_runner();
  if (!runner) return;
  const auto with_passwd = [](TestStep& step) {
    step.with_busybox();
    std::string lines;
    for (int i = 0; i < 1000000; ++i) lines += "user" + std::to_string(i) + ":x:1:1::/:\n";
    write_file(step.image / "etc/passwd", lines);
  };
  TestStep named("true");
  with_passwd(named);
  named.operation.user = "user5";
  CHECK_THROWS_WITH_AS(named.run(*runner), "the image's \"/etc/passwd\" is larger than 10 MiB",
                       Error);
  TestStep root("id -u");
  with_passwd(root);
  CHECK(root.run(*runner).out == "0\n");
}

TEST_CASE("a pipe, a device or a link out in passwd's place holds nobody") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("true");
  step.with_busybox().operation.user = "builder";
  const auto passwd = step.image / "etc/passwd";
  std::filesystem::remove(passwd);
  SUBCASE("pipe") {
    REQUIRE(::mkfifo(passwd.c_str(), 0644) == 0);
  }
  SUBCASE("directory") {
    std::filesystem::create_directory(passwd);
  }
  SUBCASE("link") {
    write_file(step.pad.path() / "theirs", "builder:x:0:0::/:\n");
    std::filesystem::create_symlink("../../theirs", passwd);
  }
  CHECK_THROWS_WITH_AS(step.run(*runner), "user \"builder\" is not in the image's /etc/passwd",
                       Error);
}
