// Users of the image that are no users.
#include "attack_fixture.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <string>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

std::string refused_with(ProcessRunner& runner, const std::string& file, const std::string& text,
                         const std::string& user) {
  TestStep step("echo $(id -u) $(id -g)");
  step.with_busybox().operation.user = user;
  write_file(step.image / "etc" / file, text);
  return refusal(runner, step);
}

}  // namespace

// What is read is at most 10 MiB, of regular files only, opened without waiting.
TEST_CASE("CVE-2026-47262, buildkit v0.31.1: a passwd or group without an end") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* file : {"passwd", "group"}) {
    CAPTURE(file);
    std::string lines;
    for (int i = 0; i < 1000000; ++i) lines += "u" + std::to_string(i) + ":x:1:1::/:\n";
    CHECK(refused_with(*runner, file, lines, "builder").find("larger than 10 MiB") !=
          std::string::npos);
    // One line of nine megabytes, of one kind of character.
    for (const char c : {'a', ':', ',', '\n', '\0'}) {
      const std::string told = refused_with(*runner, file, std::string(9 << 20, c), "nobody-here");
      CHECK(told == "user \"nobody-here\" is not in the image's /etc/passwd");
    }
    // Sparse, and larger than memory.
    TestStep sparse("true");
    sparse.with_busybox().operation.user = "builder";
    fs::resize_file(sparse.image / "etc" / file, std::uintmax_t{1} << 40);
    CHECK(refusal(*runner, sparse).find("larger than 10 MiB") != std::string::npos);
  }
}

TEST_CASE("buildkit v0.31.1: a passwd that is no file") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* file : {"passwd", "group"}) {
    for (const int kind : {S_IFIFO, S_IFDIR, S_IFSOCK, S_IFCHR}) {
      CAPTURE(file);
      CAPTURE(kind);
      TestStep step("true");
      step.with_busybox().operation.user = "someone:somegroup";
      const fs::path path = step.image / "etc" / file;
      fs::remove(path);
      if (kind == S_IFDIR) {
        fs::create_directory(path);
      } else if (::mknod(path.c_str(), static_cast<mode_t>(kind) | 0644, makedev(1, 5)) != 0) {
        MESSAGE("root's alone: a user makes no devices");
        continue;
      }
      CHECK(refusal(*runner, step).find("is not in the image's /etc/passwd") != std::string::npos);
      // Root goes without it.
      step.operation.user = "";
      TestStep root("id -u");
      root.with_busybox();
      fs::remove(root.image / "etc" / file);
      fs::create_directory(root.image / "etc" / file);
      CHECK(root.run(*runner).out == "0\n");
    }
  }
}

// Numbers are numbers whatever passwd says, and nothing becomes 0 by an overflow.
TEST_CASE("CVE-2026-30892, CVE-2026-46680: a user that becomes root by how it is written") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* user :
       {"4294967296", "4294967295", "18446744073709551616", "-1", "-0", "+0", "0x0", " 0", "0 ",
        "1000 ", "00x", "0:4294967296", "0:-1", "1e0", "\xc2\xa0root", "root\n"}) {
    CAPTURE(user);
    TestStep step("true");
    step.with_busybox().operation.user = user;
    CHECK(refusal(*runner, step) != "exit 0");
  }
  // A line whose name is a number is not that number's.
  TestStep step("echo $(id -u) $(id -g)");
  step.with_busybox().operation.user = "1234";
  write_file(step.image / "etc/passwd", "1234:x:0:0::/:\n");
  CHECK(step.run(*runner).out == "1234 0\n");
  // A line whose number is none is no line.
  CHECK(refused_with(*runner, "passwd", "thief:x:4294967296:0::/:\n", "thief") != "exit 0");
  CHECK(refused_with(*runner, "passwd", "thief:x::0::/:\n", "thief") != "exit 0");
  CHECK(refused_with(*runner, "passwd", "thief:x: 0:0::/:\n", "thief") != "exit 0");
}

// HOME of passwd is one variable, whatever is in the line.
TEST_CASE("CVE-2026-53488: the image's texts are data") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("");
  step.with_busybox().operation.arguments = {"env"};
  step.operation.user = "builder";
  write_file(step.image / "etc/passwd",
             "builder:x:1000:1000::$(touch /stolen) ${PATH} `id` \\n A=1:/bin/sh\n");
  CHECK(step.run(*runner).out == "PATH=/bin\nHOME=$(touch /stolen) ${PATH} `id` \\n A=1\n");
}
