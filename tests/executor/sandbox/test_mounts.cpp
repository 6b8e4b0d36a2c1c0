// RUN --mount, and that no mount leaves a trace in the layer.
#include "executor/sandbox/real_runner.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;
using Mount = RunProcess::Mount;

namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

ResolvedMount mount_at(Mount::Type type, const std::string& target) {
  ResolvedMount resolved;
  resolved.mount.type = type;
  resolved.mount.target = target;
  return resolved;
}

ResolvedMount secret(const std::string& target, const std::string& bytes) {
  ResolvedMount resolved = mount_at(Mount::Type::secret, target);
  resolved.secret = bytes;
  return resolved;
}

std::string refusal(ProcessRunner& runner, TestStep& step) {
  try {
    return "exit " + std::to_string(step.run(runner).exit_code);
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a step that writes nothing leaves nothing, in an image that has nothing") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("ls / /etc /dev /run > /dev/null; true");
  step.with_busybox();
  std::filesystem::remove_all(step.image / "etc");
  step.request.mounts = {secret("/run/secrets/key", "x"), mount_at(Mount::Type::tmpfs, "/a/b/c")};
  CHECK(step.run(*runner).exit_code == 0);
  CHECK(step.left() == std::vector<std::string>{});
}

TEST_CASE("the network's files are shown, cannot be written, and are in no layer") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  TestStep step("echo x 2>/dev/null >> /etc/hosts || echo refused; cat /etc/resolv.conf");
  step.with_busybox().operation.network = RunProcess::Network::host;
  CHECK(step.run(*runner).out == "refused\n" + content("/etc/resolv.conf"));
  CHECK(!std::filesystem::exists(step.request.upper / "etc/hosts"));
  CHECK(!std::filesystem::exists(step.request.upper / "etc/resolv.conf"));
}

TEST_CASE("a place that the step moved away is unmade where it went") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("mv /made /moved");
  step.with_busybox().request.mounts = {mount_at(Mount::Type::tmpfs, "/made/inner")};
  const Outcome outcome = step.run(*runner);
  CHECK(outcome.exit_code == 0);
  CHECK(step.left() == std::vector<std::string>{});
}

TEST_CASE("a cache mount keeps what is written, beside the layer") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("cat /cache/before; echo now > /cache/after");
  ResolvedMount cache = mount_at(Mount::Type::cache, "/cache");
  cache.directory = step.pad.path() / "cache";
  write_file(*cache.directory / "before", "then\n");
  step.with_busybox().request.mounts = {cache};
  CHECK(step.run(*runner).out == "then\n");
  CHECK(content(*cache.directory / "after") == "now\n");
  CHECK(step.left() == std::vector<std::string>{});
}

TEST_CASE("a read-only cache mount cannot be written") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("touch /cache/file");
  ResolvedMount cache = mount_at(Mount::Type::cache, "/cache");
  cache.directory = step.pad.path() / "cache";
  cache.mount.read_only = true;
  std::filesystem::create_directories(*cache.directory);
  step.with_busybox().request.mounts = {cache};
  CHECK(step.run(*runner).exit_code != 0);
  CHECK(std::filesystem::is_empty(*cache.directory));
}

TEST_CASE("what a writable bind mount is given is thrown away") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("cat /src/file; echo mine > /src/file; cat /src/file; touch /src/new");
  ResolvedMount bind = mount_at(Mount::Type::bind, "/src");
  SUBCASE("of a stage's layers") {
    bind.lowers = {step.pad.path() / "one", step.pad.path() / "two"};
    write_file(bind.lowers[0] / "tree/file", "below\n");
    write_file(bind.lowers[1] / "tree/file", "theirs\n");
  }
  SUBCASE("of a directory") {
    bind.directory = step.pad.path() / "context";
    write_file(*bind.directory / "tree/file", "theirs\n");
  }
  bind.mount.source = "/tree";
  step.with_busybox().request.mounts = {bind};
  CHECK(step.run(*runner).out == "theirs\nmine\n");
  CHECK(step.left() == std::vector<std::string>{});
  for (const auto& lower : bind.lowers) CHECK(!std::filesystem::exists(lower / "tree/new"));
  if (bind.directory) CHECK(content(*bind.directory / "tree/file") == "theirs\n");
}

TEST_CASE("a read-only bind mount shows a file or a directory and takes nothing") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("cat /one; echo x 2>/dev/null > /one || echo refused");
  ResolvedMount bind = mount_at(Mount::Type::bind, "/one");
  bind.directory = step.pad.path() / "context";
  write_file(*bind.directory / "tree/file", "theirs\n");
  bind.mount.source = "tree/file";
  bind.mount.read_only = true;
  step.with_busybox().request.mounts = {bind};
  CHECK(step.run(*runner).out == "theirs\nrefused\n");
  CHECK(step.left() == std::vector<std::string>{});
}

TEST_CASE("a bind source's links end at its own root") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("cat /src");
  ResolvedMount bind = mount_at(Mount::Type::bind, "/src");
  bind.lowers = {step.pad.path() / "stage"};
  write_file(bind.lowers[0] / "etc/hostname", "the stage's\n");
  std::filesystem::create_symlink("/etc/hostname", bind.lowers[0] / "link");
  std::filesystem::create_symlink("/../../../../etc/shadow", bind.lowers[0] / "out");
  bind.mount.read_only = true;
  bind.mount.source = "/link";
  step.with_busybox().request.mounts = {bind};
  CHECK(step.run(*runner).out == "the stage's\n");

  TestStep out("cat /src");
  bind.mount.source = "/out";
  out.with_busybox().request.mounts = {bind};
  CHECK(refusal(*runner, out) != "exit 0");
}

TEST_CASE("a mount's target is found through the image's links, inside the image") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("cat /real/place/key; cat /link/place/key");
  step.with_busybox();
  std::filesystem::create_directories(step.image / "real");
  std::filesystem::create_symlink("/real", step.image / "link");
  step.request.mounts = {secret("/link/place/key", "text\n")};
  CHECK(step.run(*runner).out == "text\ntext\n");
  CHECK(step.left() == std::vector<std::string>{"real/"});

  TestStep hostile("cat /out/key");
  const auto outside = hostile.pad.path() / "outside";
  std::filesystem::create_directories(outside);
  std::filesystem::create_symlink("../../../../../../.." + outside.string(),
                                  hostile.with_busybox().image / "out");
  hostile.request.mounts = {secret("/out/key", "text\n")};
  CHECK(hostile.run(*runner).out == "text\n");
  CHECK(std::filesystem::is_empty(outside));
}

TEST_CASE("mounts lie in each other, in whatever order they are written") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("cat /cache/deep/key; ls /cache");
  ResolvedMount cache = mount_at(Mount::Type::cache, "/cache");
  cache.directory = step.pad.path() / "cache";
  write_file(*cache.directory / "kept", "");
  // In a cache that others may have at the same time the place of a mount stays.
  SUBCASE("shared") {
    cache.mount.sharing = Mount::Sharing::shared;
  }
  SUBCASE("locked") {
    cache.mount.sharing = Mount::Sharing::locked;
  }
  step.with_busybox().request.mounts = {secret("/cache/deep/key", "text\n"), cache};
  CHECK(step.run(*runner).out == "text\ndeep\nkept\n");
  const bool shared = cache.mount.sharing == Mount::Sharing::shared;
  CHECK(std::filesystem::exists(*cache.directory / "deep") == shared);
  if (shared) CHECK(std::filesystem::file_size(*cache.directory / "deep/key") == 0);
  CHECK(step.left() == std::vector<std::string>{});
}

TEST_CASE("a mount in a shared cache outlives that of a step beside it at the same place") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep outer("until test -e /cache/over; do sleep 0.01; done; cat /cache/deep/key");
  ResolvedMount cache = mount_at(Mount::Type::cache, "/cache");
  cache.directory = outer.pad.path() / "cache";
  std::filesystem::create_directories(*cache.directory);
  TestStep first("touch /cache/begun; until test -e /cache/go; do sleep 0.01; done");
  first.with_busybox().request.mounts = {secret("/cache/deep/key", "first\n"), cache};
  outer.with_busybox().request.mounts = {secret("/cache/deep/key", "outer\n"), cache};
  // The first one makes the place and ends before the other does.
  Outcome of_first;
  std::thread beside([&] {
    of_first = first.run(*runner);
    write_file(*cache.directory / "over", "");
  });
  while (!std::filesystem::exists(*cache.directory / "begun")) std::this_thread::yield();
  outer.while_running = [&](RunningProcess&) { write_file(*cache.directory / "go", ""); };
  CHECK(outer.run(*runner).out == "outer\n");
  beside.join();
  CHECK(of_first.exit_code == 0);
}

TEST_CASE("a mount lies in a bind mount, also in one of a directory below the source's root") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("cat /src/inner/key /src/file; ls /src");
  ResolvedMount bind = mount_at(Mount::Type::bind, "/src");
  bind.lowers = {step.pad.path() / "stage"};
  write_file(bind.lowers[0] / "tree/file", "file\n");
  bind.mount.source = "/tree";
  step.with_busybox().request.mounts = {secret("/src/inner/key", "key\n"), bind};
  CHECK(step.run(*runner).out == "key\nfile\nfile\ninner\n");
  CHECK(!std::filesystem::exists(bind.lowers[0] / "tree/inner"));
  CHECK(step.left() == std::vector<std::string>{});
}

TEST_CASE("a tmpfs has its size and its mode, and is empty again afterwards") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step(
      "stat -c %a /memory; dd if=/dev/zero of=/memory/f bs=1k count=100 2>/dev/null; "
      "stat -c %s /memory/f");
  ResolvedMount memory = mount_at(Mount::Type::tmpfs, "/memory");
  memory.mount.size = 64 << 10;
  write_file(step.with_busybox().image / "memory/hidden", "x");
  step.request.mounts = {memory};
  CHECK(step.run(*runner).out == "1777\n65536\n");
  CHECK(step.left() == std::vector<std::string>{});
}

TEST_CASE("a secret is a file of its owner, a variable, or both, and on no disk") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step(
      "stat -c '%a %u %g' /run/secrets/key; cat /run/secrets/key; echo \"$KEY\"; "
      "rm -f /run/secrets/key; grep ' /run/secrets/key ' /proc/mounts | cut -d' ' -f3");
  ResolvedMount file = secret("/run/secrets/key", "bytes\n");
  file.mount.uid = 7;
  file.mount.gid = 8;
  ResolvedMount variable = secret("", "value");
  variable.mount.env = "KEY";
  step.with_busybox().request.mounts = {file, variable};
  // With one id stat(2) shows the only user there is.
  const std::string owner = rights.space.ids == Ids::own ? "0 0" : "7 8";
  CHECK(step.run(*runner).out == "400 " + owner + "\nbytes\nvalue\ntmpfs\n");
  CHECK(step.left() == std::vector<std::string>{});
}

TEST_CASE("a variable of a secret takes the place of the image's, also for who takes the first") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("");
  ResolvedMount variable = secret("", "value");
  variable.mount.env = "KEY";
  step.with_busybox().request.mounts = {variable};
  step.operation.arguments = {"env"};
  step.operation.environment = {"PATH=/bin", "KEY=of the image", "KEYS=2"};
  CHECK(step.run(*runner).out == "PATH=/bin\nKEYS=2\nKEY=value\nHOME=/root\n");
}

TEST_CASE("a mount over the root or in the kernel's directories is refused") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* target : {"/", "/proc/self", "/sys/kernel", "/proc"}) {
    CAPTURE(target);
    TestStep step("true");
    step.with_busybox().request.mounts = {mount_at(Mount::Type::tmpfs, target)};
    CHECK(refusal(*runner, step).find("mount at") != std::string::npos);
  }
}

TEST_CASE("a heredoc's script lies in /dev/pipes and can be executed") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("");
  step.with_busybox().operation.scripts = {{"EOF", "#!/bin/sh\necho from the script\n"}};
  step.operation.arguments = {"/dev/pipes/EOF"};
  CHECK(step.run(*runner).out == "from the script\n");
  CHECK(step.left() == std::vector<std::string>{});
}

TEST_CASE("the shared memory has the size that was asked for") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("dd if=/dev/zero of=/dev/shm/f bs=1k count=100 2>/dev/null; stat -c %s /dev/shm/f");
  step.with_busybox().operation.shm_size = 32 << 10;
  CHECK(step.run(*runner).out == "32768\n");
}
