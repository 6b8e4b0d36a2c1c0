// What a step in chroot isolation changes, and what the next one sees of it.
#include "chroot_step.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

bool is_whiteout(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == 0;
}

using Paths = std::vector<std::string>;

// Steps on one image, one upon the other.
struct Chain {
  Scratchpad trees;
  std::unique_ptr<ProcessRunner> runner = real_chroot(trees.path());
  TestStep first{"true"};
  std::vector<std::unique_ptr<TestStep>> steps;

  Chain() { first.with_busybox().with_probe(); }

  explicit operator bool() const { return runner != nullptr; }
  const fs::path& image() const { return first.image; }

  // Upon all that was run so far, or on the lowest `below` layers.
  TestStep& run(const std::string& command, std::size_t below = 1000) {
    auto step = std::make_unique<TestStep>(command);
    step->request.lowers = {image()};
    for (std::size_t i = 0; i < steps.size() && i + 1 < below; ++i)
      step->request.lowers.push_back(steps[i]->request.upper);
    outcome = step->run(*runner);
    steps.push_back(std::move(step));
    return *steps.back();
  }

  Outcome outcome;
};

}  // namespace

TEST_CASE("a step that changes nothing leaves nothing") {
  Chain chain;
  if (!chain) return;
  CHECK(chain.run("cat /etc/passwd > /dev/null; ls -R / > /dev/null").left() == Paths{});
  CHECK(chain.outcome.exit_code == 0);
}

TEST_CASE("each kind of change is in the upper directory, and nothing else is") {
  Chain chain;
  if (!chain) return;
  for (const char* name : {"keep", "edited", "mode", "gone", "dir/gone", "dir/keep", "tree/a/b"})
    write_file(chain.image() / "data" / name, std::string("old ") + name);
  const TestStep& step = chain.run(
      "cd /data && echo new > edited && chmod 600 mode && rm gone dir/gone && rm -r tree && "
      "mkdir -p made/deep && ln -s keep link && mknod pipe p && touch -d '1980-01-01 00:00:00' old "
      "&& "
      "mknod disk b 8 0");
  CHECK(chain.outcome.exit_code == 0);
  CHECK(step.left() == Paths{"data/", "data/dir/", "data/dir/gone", "data/disk", "data/edited",
                             "data/gone", "data/link", "data/made/", "data/made/deep/", "data/mode",
                             "data/old", "data/pipe", "data/tree"});
  const fs::path data = step.request.upper / "data";
  CHECK(is_whiteout(data / "gone"));
  CHECK(is_whiteout(data / "tree"));
  CHECK(is_whiteout(data / "dir/gone"));
  CHECK(content(data / "mode") == "old mode");
  CHECK(content(chain.image() / "data/edited") == "old edited");
}

TEST_CASE("a change that only a change time shows is found, also in the tick of the copy") {
  Chain chain;
  if (!chain) return;
  write_file(chain.image() / "file", "abc");
  // The same size, and the times put back.
  CHECK(chain
            .run("touch -r /file /tmp-time; printf xyz > /file; touch -r /tmp-time /file; "
                 "rm /tmp-time")
            .left() == Paths{"file"});
  CHECK(content(chain.steps.back()->request.upper / "file") == "xyz");
}

TEST_CASE("a step sees what those before it did, and leaves only its own") {
  Chain chain;
  if (!chain) return;
  write_file(chain.image() / "a", "1");
  write_file(chain.image() / "b", "1");
  chain.run("printf 2 > /a; rm /b; printf 1 > /c; mkdir /d; printf 1 > /d/e; printf 1 > /f");
  CHECK(chain.run("cat /a /c /d/e; ls /b; printf 2 > /d/e; rm /f").left() ==
        Paths{"d/", "d/e", "f"});
  CHECK(chain.outcome.out == "211");
  CHECK(chain.outcome.err.find("/b: No such file") != std::string::npos);
  chain.run("cat /a /c /d/e; ls /f");
  CHECK(chain.outcome.out == "212");
  CHECK(chain.steps.back()->left() == Paths{});
}

TEST_CASE("what a failed step did is gone for the next one") {
  Chain chain;
  if (!chain) return;
  write_file(chain.image() / "a", "1");
  const TestStep& failed = chain.run("printf 2 > /a; rm -r /etc; touch /trace; exit 3");
  CHECK(chain.outcome.exit_code == 3);
  CHECK(failed.left() == Paths{"a", "etc", "trace"});
  chain.run("cat /a /etc/passwd | head -c 5; ls /trace", 1);
  CHECK(chain.outcome.out == "1root");
  CHECK(chain.steps.back()->left() == Paths{});
}

TEST_CASE("a layer that was replaced by an equal one is taken as it is") {
  Chain chain;
  if (!chain) return;
  write_file(chain.image() / "touched", "same");
  TestStep& step = chain.run("cat /touched > /copy; cat /copy > /touched; printf 1 > /new");
  // As when a record has the layer: without the copy that equals what lies below.
  const fs::path other = chain.trees.path() / "other";
  write_file(other / "new", "1");
  write_file(other / "copy", "same");
  step.request.upper = other;
  chain.run("cat /touched /new");
  CHECK(chain.outcome.out == "same1");
  CHECK(chain.steps.back()->left() == Paths{});
}

TEST_CASE("two steps upon one do not see each other") {
  Chain chain;
  if (!chain) return;
  chain.run("printf base > /file");
  TestStep left("printf left >> /file; sleep 0.3; cat /file");
  TestStep right("sleep 0.1; printf right >> /file; cat /file");
  for (TestStep* step : {&left, &right})
    step->request.lowers = {chain.image(), chain.steps[0]->request.upper};
  Outcome other;
  left.while_running = [&](RunningProcess&) { other = right.run(*chain.runner); };
  CHECK(left.run(*chain.runner).out == "baseleft");
  CHECK(other.out == "baseright");
  CHECK(content(chain.steps[0]->request.upper / "file") == "base");
}

TEST_CASE("layers' whiteouts and opaque directories hide what is below") {
  Chain chain;
  if (!chain) return;
  write_file(chain.image() / "d/old", "1");
  write_file(chain.image() / "gone", "1");
  const fs::path second = chain.trees.path() / "second";
  write_file(second / "d/new", "2");
  REQUIRE(::setxattr((second / "d").c_str(), "user.overlay.opaque", "y", 1, 0) == 0);
  REQUIRE(::mknod((second / "gone").c_str(), S_IFCHR, 0) == 0);
  TestStep step("ls /d; ls /gone");
  step.request.lowers = {chain.image(), second};
  const Outcome outcome = step.run(*chain.runner);
  CHECK(outcome.out == "new\n");
  CHECK(outcome.err.find("/gone: No such file") != std::string::npos);
}

TEST_CASE("names of one file are files of their own in the next step, as in an overlay") {
  Chain chain;
  if (!chain) return;
  const TestStep& step = chain.run("printf 1 > /a; ln /a /b");
  struct stat a {};
  struct stat b {};
  CHECK(::stat((step.request.upper / "a").c_str(), &a) == 0);
  CHECK(::stat((step.request.upper / "b").c_str(), &b) == 0);
  CHECK(a.st_ino == b.st_ino);
  CHECK(chain.run("printf 2 > /a; cat /b").left() == Paths{"a"});
  CHECK(chain.outcome.out == "1");
}

TEST_CASE("owners, modes, attributes and times pass through a tree and back") {
  Chain chain;
  if (!chain) return;
  chain.run(
      "cd / && printf x > f && chown 12:34 f && chmod 4711 f && touch -d '2001-02-03 04:05:06' f "
      "&& "
      "mkdir s && chmod 1777 s && chown 5:6 s && ln -s f l && chown -h 7:8 l && "
      "probe xattr user.color 726564 f");
  CHECK(chain.outcome.exit_code == 0);
  chain.run("stat -c '%n %a %u:%g %F' f s l; date -r f +%F-%T; probe xattrs f");
  CHECK(
      chain.outcome.out.starts_with("f 4711 12:34 regular file\ns 1777 5:6 directory\n"
                                    "l 777 7:8 symbolic link\n2001-02-03-04:05:06\n"));
  CHECK(chain.outcome.out.find("user.color") != std::string::npos);
  CHECK(chain.steps.back()->left() == Paths{});
}

TEST_CASE("a mark of overlayfs's that a step makes is none") {
  Chain chain;
  if (!chain) return;
  write_file(chain.image() / "d/below", "1");
  const TestStep& step = chain.run(
      "printf 1 > /f; probe xattr user.overlay.whiteout 79 /f; mkdir /e; "
      "probe xattr user.overlay.opaque 79 /d; probe xattr user.overlay.opaque 79 /e; touch /d/x "
      "/e/x");
  for (const char* name : {"f", "d", "e"}) {
    CHECK(::listxattr((step.request.upper / name).c_str(), nullptr, 0) == 0);
  }
  chain.run("cat /f; ls /d");
  CHECK(chain.outcome.out == "1below\nx\n");
}

TEST_CASE("a tree without end is refused, and removed") {
  Chain chain;
  if (!chain) return;
  chain.run("mkdir /d && cd /d && probe deep 20000");
  CHECK(chain.outcome.failure.find("is too long for a layer") != std::string::npos);
  CHECK(fs::is_empty(chain.trees.path()));
}

TEST_CASE("the root's own mode is the step's, and is not handed on") {
  Chain chain;
  if (!chain) return;
  const TestStep& step = chain.run("chmod 700 /; chown 3:4 /");
  CHECK(chain.outcome.exit_code == 0);
  struct stat status {};
  CHECK(::stat(step.request.upper.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0700);
  CHECK(status.st_uid == 3);
  chain.run("stat -c '%a %u' /");
  CHECK(chain.outcome.out == "755 0\n");
}

TEST_CASE("a step that could not be started leaves nothing for the next one") {
  Chain chain;
  if (!chain) return;
  {
    TestStep step("true");
    step.operation.arguments = {"/no/such/program"};
    step.operation.working_directory = "/made/for/it";
    step.request.lowers = {chain.image()};
    CHECK_THROWS_AS(step.run(*chain.runner), Error);
  }
  chain.run("ls -d /made /dev/null");
  CHECK(chain.outcome.out == "/dev/null\n");
  CHECK(chain.steps.back()->left() == Paths{});
}
