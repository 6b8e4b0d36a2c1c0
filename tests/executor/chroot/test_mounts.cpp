// What a step is shown without a mount, and that none of it is in its layer.
#include "chroot_step.hpp"
#include "executor/ssh/agent_talk.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;
using Mount = RunProcess::Mount;

namespace {

using Paths = std::vector<std::string>;

std::string content(const fs::path& file) {
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

ResolvedMount cache_at(const std::string& target, const fs::path& directory) {
  ResolvedMount resolved = mount_at(Mount::Type::cache, target);
  resolved.directory = directory;
  fs::create_directories(directory);
  return resolved;
}

std::string refusal(ProcessRunner& runner, TestStep& step) {
  try {
    return "exit " + std::to_string(step.run(runner).exit_code);
  } catch (const Error& error) {
    return error.what();
  }
}

// Whether any file below holds the text.
bool holds(const fs::path& folder, const std::string& text) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && content(entry.path()).find(text) != std::string::npos)
      return true;
  }
  return false;
}

}  // namespace

TEST_CASE("chroot: an image that has nothing gets what it needs, and keeps nothing of it") {
  TestStep step(
      "ls /dev; echo x > /dev/null; head -c 3 /dev/zero | wc -c; test -c /dev/urandom; cat /key");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  fs::remove_all(step.image / "etc");
  step.request.mounts = {secret("/key", "x\n"), mount_at(Mount::Type::tmpfs, "/a/b/c")};
  const Outcome outcome = step.run(*runner);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out ==
        "fd\nfull\nmqueue\nnull\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n3\nx\n");
  CHECK(step.left() == Paths{});
}

TEST_CASE("chroot: what the image has in /dev and /proc is hidden, and stays") {
  TestStep step("ls /proc; test -e /dev/own || echo hidden; touch /dev/new /proc/new");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  write_file(step.image / "dev/own", "1");
  write_file(step.image / "proc/own", "1");
  CHECK(step.run(*runner).out == "hidden\n");
  CHECK(step.left() == Paths{});
  TestStep next("true");
  next.request.lowers = {step.image, step.request.upper};
  next.run(*runner);
  CHECK(next.left() == Paths{});
}

TEST_CASE("chroot: the network's files are the step's, whatever it does to them") {
  TestStep step("");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  write_file(step.image / "etc/hosts", "the image's\n");
  SUBCASE("reads") { step.operation.arguments[2] = "grep -q localhost /etc/hosts"; }
  SUBCASE("writes") { step.operation.arguments[2] = "echo x > /etc/hosts"; }
  SUBCASE("removes") { step.operation.arguments[2] = "rm /etc/hosts; mkdir /etc/hosts"; }
  SUBCASE("moves away") { step.operation.arguments[2] = "mv /etc/hosts /hosts"; }
  SUBCASE("links") { step.operation.arguments[2] = "ln /etc/hosts /hosts"; }
  CHECK(step.run(*runner).exit_code == 0);
  CHECK(step.left() == Paths{});
  TestStep next("cat /etc/hosts | grep -c image");
  next.request.lowers = {step.image, step.request.upper};
  CHECK(next.run(*runner).out == "0\n");
  CHECK(content(step.image / "etc/hosts") == "the image's\n");
}

TEST_CASE("chroot: a directory that was moved with a mount in it keeps what the image had there") {
  TestStep step("mv /etc /etc2");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  write_file(step.image / "etc/hosts", "the image's\n");
  CHECK(step.run(*runner).exit_code == 0);
  CHECK(content(step.request.upper / "etc2/hosts") == "the image's\n");
}

TEST_CASE("chroot: a secret is in no layer, wherever the step puts it") {
  TestStep step("");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  SUBCASE("reads") { step.operation.arguments[2] = "test $(cat /run/secrets/key) = hush-hush"; }
  SUBCASE("moves") { step.operation.arguments[2] = "mv /run/secrets/key /key"; }
  SUBCASE("moves its directory") { step.operation.arguments[2] = "mv /run/secrets /kept"; }
  SUBCASE("links") { step.operation.arguments[2] = "ln /run/secrets/key /key"; }
  SUBCASE("links and removes") {
    step.operation.arguments[2] = "ln /run/secrets/key /key; rm /run/secrets/key";
  }
  SUBCASE("fails") { step.operation.arguments[2] = "exit 1"; }
  step.request.mounts = {secret("/run/secrets/key", "hush-hush")};
  step.run(*runner);
  CHECK(!holds(step.pad.path(), "hush-hush"));
}

TEST_CASE("chroot: a secret has its mode and owner, or is a variable") {
  TestStep step("stat -c '%a %u:%g' /key; echo $KEY; ls /none");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  ResolvedMount file = secret("/key", "1");
  file.mount.mode = 0440;
  file.mount.uid = 3;
  file.mount.gid = 4;
  ResolvedMount variable = secret("", "value");
  variable.mount.env = "KEY";
  step.with_busybox().request.mounts = {file, variable};
  CHECK(step.run(*runner).out == "440 3:4\nvalue\n");
  CHECK(step.left() == Paths{});
}

TEST_CASE("chroot: a cache mount keeps what is written, beside the layer") {
  TestStep step("");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  const fs::path cache = step.pad.path() / "cache";
  step.with_busybox().request.mounts = {cache_at("/cache", cache)};
  write_file(cache / "before", "then\n");
  SUBCASE("in a step that succeeds") {
    step.operation.arguments[2] = "cat /cache/before; echo now > /cache/after";
  }
  SUBCASE("in one that fails") {
    step.operation.arguments[2] = "cat /cache/before; echo now > /cache/after; exit 1";
  }
  SUBCASE("in one that moves it") {
    step.operation.arguments[2] = "cat /cache/before; echo now > /cache/after; mv /cache /moved";
  }
  SUBCASE("in one that makes it anew") {
    step.operation.arguments[2] = "cat /cache/before; mv /cache/before /; rm -r /cache; "
                                  "mkdir /cache; mv /before /cache/; echo now > /cache/after";
  }
  CHECK(step.run(*runner).out == "then\n");
  CHECK(content(cache / "after") == "now\n");
  CHECK(content(cache / "before") == "then\n");
  CHECK(step.left() == Paths{});
}

TEST_CASE("chroot: a cache mount that is read-only keeps nothing of what is written to it") {
  TestStep step("cat /cache/in/before; echo now > /cache/in/before; touch /cache/after");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  const fs::path cache = step.pad.path() / "cache";
  step.with_busybox().request.mounts = {cache_at("/cache", cache)};
  step.request.mounts[0].mount.read_only = true;
  write_file(cache / "in/before", "then\n");
  CHECK(step.run(*runner).out == "then\n");
  CHECK(content(cache / "in/before") == "then\n");
  CHECK(!fs::exists(cache / "after"));
  CHECK(step.left() == Paths{});
}

TEST_CASE("chroot: a cache is back when the step is killed or could not be started") {
  TestStep step("echo now > /cache/after; sleep 1000");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  const fs::path cache = step.pad.path() / "cache";
  step.with_busybox().request.mounts = {cache_at("/cache", cache)};
  SUBCASE("killed") {
    step.while_running = [](RunningProcess& process) { process.kill(); };
    CHECK(step.run(*runner).exit_code == 137);
  }
  SUBCASE("not started") {
    step.operation.user = "nobody-knows";
    CHECK(refusal(*runner, step).find("nobody-knows") != std::string::npos);
  }
  CHECK(fs::is_directory(cache));
}

TEST_CASE("chroot: a file that is in the layer and in a cache is two") {
  TestStep step("ln /cache/file /taken; ln /own /cache/given; ln /own /other");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  const fs::path cache = step.pad.path() / "cache";
  step.with_busybox().request.mounts = {cache_at("/cache", cache)};
  write_file(cache / "file", "cached\n");
  write_file(step.image / "own", "the image's\n");
  CHECK(step.run(*runner).exit_code == 0);
  CHECK(step.left() == Paths{"other", "own", "taken"});
  write_file(cache / "file", "changed\n");
  write_file(cache / "given", "changed\n");
  CHECK(content(step.request.upper / "taken") == "cached\n");
  CHECK(content(step.request.upper / "own") == "the image's\n");
  struct stat own {};
  struct stat other {};
  CHECK(::stat((step.request.upper / "own").c_str(), &own) == 0);
  CHECK(::stat((step.request.upper / "other").c_str(), &other) == 0);
  CHECK(own.st_ino == other.st_ino);
  CHECK(content(step.image / "own") == "the image's\n");
}

TEST_CASE("chroot: one cache at two places is refused") {
  TestStep step("true");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  const fs::path cache = step.pad.path() / "cache";
  step.with_busybox().request.mounts = {cache_at("/a", cache), cache_at("/b", cache)};
  CHECK(refusal(*runner, step).find("cannot be at both places") != std::string::npos);
}

TEST_CASE("chroot: what a bind mount is given is thrown away") {
  TestStep step("cat /src/file; echo mine > /src/file; cat /src/file; touch /src/new");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  ResolvedMount bind = mount_at(Mount::Type::bind, "/src");
  SUBCASE("of a stage's layers, by a link in them") {
    bind.lowers = {step.pad.path() / "one", step.pad.path() / "two"};
    write_file(bind.lowers[0] / "tree/file", "below\n");
    write_file(bind.lowers[1] / "tree/file", "theirs\n");
    fs::create_directory_symlink("/tree", bind.lowers[0] / "link");
    bind.mount.source = "/link/../link";
  }
  SUBCASE("of a directory") {
    bind.directory = step.pad.path() / "context";
    write_file(*bind.directory / "tree/file", "theirs\n");
    bind.mount.source = "tree";
  }
  step.with_busybox().request.mounts = {bind};
  CHECK(step.run(*runner).out == "theirs\nmine\n");
  CHECK(step.left() == Paths{});
  for (const auto& lower : bind.lowers) CHECK(!fs::exists(lower / "tree/new"));
  if (bind.directory) CHECK(content(*bind.directory / "tree/file") == "theirs\n");
}

TEST_CASE("chroot: a mount in a mount, and one at a link, leave no trace") {
  TestStep step("cat /work/in/key; touch /work/out; cat /alias/key; mv /work/in/key /work/");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  const fs::path cache = step.pad.path() / "cache";
  step.with_busybox();
  fs::create_directory_symlink("../../real", step.image / "alias");
  step.request.mounts = {cache_at("/work", cache), secret("/work/in/key", "1"),
                         secret("/alias/key", "2")};
  CHECK(step.run(*runner).out == "12");
  CHECK(step.left() == Paths{});
  CHECK(fs::exists(cache / "out"));
  CHECK(!fs::exists(cache / "in"));
  CHECK(!fs::exists(cache / "key"));
}

TEST_CASE("chroot: an image whose links lead out is served inside") {
  TestStep step("cat /etc/hosts | head -c 3");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox();
  const fs::path outside = step.pad.path() / "outside";
  fs::create_directories(outside);
  SUBCASE("/etc/hosts") {
    fs::remove(step.image / "etc/hosts");
    fs::create_symlink(outside / "hosts", step.image / "etc/hosts");
    CHECK(step.run(*runner).exit_code == 0);
  }
  SUBCASE("/dev") {
    fs::create_symlink(outside, step.image / "dev");
    CHECK(refusal(*runner, step).find("/dev is a symbolic link") != std::string::npos);
  }
  SUBCASE("a mount's target") {
    fs::create_symlink(outside, step.image / "target");
    step.request.mounts = {mount_at(Mount::Type::tmpfs, "/target/made")};
    CHECK(step.run(*runner).exit_code == 0);
  }
  CHECK(fs::is_empty(outside));
}

TEST_CASE("chroot: what cannot be held is refused") {
  TestStep step("true");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox().operation.network = RunProcess::Network::none;
  CHECK(refusal(*runner, step).find("cannot keep a step from the network") != std::string::npos);
}

TEST_CASE("chroot: the runner itself starts no step that asks for more than was granted") {
  TestStep step("echo started");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  step.with_busybox().operation.security = RunProcess::Security::insecure;
  CHECK(refusal(*runner, step) == "RUN --security=insecure is not allowed in this build");
  step.operation.security = RunProcess::Security::sandbox;
  step.operation.network = RunProcess::Network::host;
  CHECK(refusal(*runner, step) == "RUN --network=host is not allowed in this build");
  step.operation.network = RunProcess::Network::default_;
  step.operation.devices = {{"test.com/device=x", true}};
  CHECK(refusal(*runner, step) == "device \"test.com/device=x\" is not registered on this machine");
}

TEST_CASE("chroot: an agent is reached by a socket that is gone after the step") {
  TestStep step("stat -c '%a %u' /agent; probe ask /agent 0b; probe ask /agent 11");
  const auto runner = real_chroot(step.pad.path());
  if (!runner) return;
  FakeAgent agent(step.pad.path() / "real");
  ResolvedMount mount = mount_at(Mount::Type::ssh, "/agent");
  mount.agent = step.pad.path() / "real";
  mount.mount.mode = 0660;
  step.with_busybox().with_probe().request.mounts = {mount};
  CHECK(step.run(*runner).out == "660 0\n0c74776f206b657973\n05\n");
  CHECK(agent.asked() == std::vector<std::string>{"\x0b"});
  CHECK(step.left() == std::vector<std::string>{});
}
