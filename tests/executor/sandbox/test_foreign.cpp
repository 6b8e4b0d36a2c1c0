// Programs of another platform: explained where they cannot run, run where there is an emulator.
#include "executor/sandbox/real_runner.hpp"

#include <executor/sandbox/architectures.hpp>
#include <executor/sandbox/foreign.hpp>
#include <executor/spawn.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <thread>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// In the padding of the ELF header, where nobody looks: a handler that asks for it takes the
// programs of this test and no others of the machine.
constexpr std::string_view mark = "SLIPWAY";

// A program for arm64 that writes "from arm64" and ends with 5, without a compiler for one.
std::string arm64_program() {
  constexpr std::array<std::uint32_t, 8> code = {
      0xd2800020,  // mov x0, #1
      0x100000e1,  // adr x1, text
      0xd2800162,  // mov x2, #11
      0xd2800808,  // mov x8, #64  write
      0xd4000001,  // svc #0
      0xd28000a0,  // mov x0, #5
      0xd2800ba8,  // mov x8, #93  exit
      0xd4000001,  // svc #0
  };
  std::string file(
      "\x7f"
      "ELF\x02\x01\x01\x00\x00",
      9);
  file += mark;
  const auto put = [&](std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) file += static_cast<char>(value >> (8 * i) & 0xffU);
  };
  constexpr std::uint64_t base = 0x400000;
  constexpr std::uint64_t size = 64 + 56 + code.size() * 4 + 12;
  put(2, 2), put(183, 2), put(1, 4);          // an executable for AArch64
  put(base + 120, 8), put(64, 8), put(0, 8);  // entry, program headers, no sections
  put(0, 4), put(64, 2), put(56, 2), put(1, 2);
  put(0, 2), put(0, 2), put(0, 2);
  put(1, 4), put(5, 4), put(0, 8), put(base, 8), put(base, 8);  // all of it, to read and execute
  put(size, 8), put(size, 8), put(0x1000, 8);
  for (const std::uint32_t word : code) put(word, 4);
  file += std::string("from arm64\n\0", 12);
  return file;
}

TestStep& with_foreign_program(TestStep& step) {
  step.with_busybox();
  write_file(step.image / "bin/tool", arm64_program());
  fs::permissions(step.image / "bin/tool", fs::perms::all);
  step.operation.arguments = {"/bin/tool", "hello"};
  step.operation.platform = {"linux", "arm64", ""};
  return step;
}

// The kernel's list of handlers, with one of ours in it.
class Registered {
 public:
  // Empty reason: it worked.
  explicit Registered(const std::string& interpreter) {
    // Mounted where nobody sees it; the list itself is the machine's.
    std::thread([&] {
      if (::unshare(CLONE_FS | CLONE_NEWNS) != 0 ||
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("binfmt_misc", pad_.path().c_str(), "binfmt_misc", 0, nullptr) != 0) {
        reason = std::string("binfmt_misc cannot be mounted: ") + std::strerror(errno);
        return;
      }
      folder_ = ::open(pad_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      std::string magic;
      std::string mask;
      const auto hex = [](std::string& text, unsigned char byte) {
        constexpr const char* digits = "0123456789abcdef";
        text += {'\\', 'x', digits[byte / 16], digits[byte % 16]};
      };
      for (const char byte : arm64_program().substr(0, 20)) {
        hex(magic, static_cast<unsigned char>(byte));
        hex(mask, 0xff);
      }
      const std::string line =
          ":" + name_ + ":M:0:" + magic + ":" + mask + ":" + interpreter + ":F";
      const int file = ::openat(folder_, "register", O_WRONLY | O_CLOEXEC);
      if (file < 0 ||
          ::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        reason = std::string("binfmt_misc takes no handler: ") + std::strerror(errno);
      }
      ::close(file);
    }).join();
  }
  ~Registered() {
    if (folder_ < 0) return;
    const int file = ::openat(folder_, name_.c_str(), O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
      CHECK(::write(file, "-1", 2) == 2);
      ::close(file);
    }
    ::close(folder_);
  }
  Registered(const Registered&) = delete;

  fs::path folder() const { return "/proc/self/fd/" + std::to_string(folder_); }
  std::string reason;

 private:
  Scratchpad pad_;
  std::string name_ = "slipway-test-" + std::to_string(::getpid());
  int folder_ = -1;
};

const ForeignPlatform& of(const std::vector<ForeignPlatform>& all, const char* text) {
  return *std::find_if(all.begin(), all.end(),
                       [&](const ForeignPlatform& one) { return one.platform.text() == text; });
}

void write_handler(const fs::path& file, const std::string& first, const std::string& flags,
                   const std::string& interpreter, const std::string& magic,
                   const std::string& mask) {
  write_file(file, first + "\ninterpreter " + interpreter + "\nflags: " + flags +
                       "\noffset 0\nmagic " + magic + "\nmask " + mask + "\n");
}

}  // namespace

TEST_CASE("a program of another platform is told from one that is broken") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("");
  with_foreign_program(step);
  try {
    step.run(*runner);
    FAIL("it ran");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) ==
          "cannot execute \"/bin/tool\": exec format error: the image is for linux/arm64, this "
          "machine runs linux/amd64");
    const std::string hint = error.diagnostics().front().hint;
    CHECK(hint.find("qemu-user-static") != std::string::npos);
    CHECK(hint.find("--platform=$BUILDPLATFORM") != std::string::npos);
  }

  TestStep broken("");
  broken.with_busybox();
  write_file(broken.image / "bin/tool", "echo a script without a first line\n");
  fs::permissions(broken.image / "bin/tool", fs::perms::all);
  broken.operation.arguments = {"/bin/tool"};
  broken.operation.platform = host_platform();
  CHECK_THROWS_WITH_AS(broken.run(*runner),
                       "cannot execute \"/bin/tool\": exec format error: it is no program for "
                       "linux/amd64",
                       Error);
}

TEST_CASE("a registered emulator runs in a step whose image does not have it") {
  const auto runner = real_runner();
  if (!runner) return;
  // busybox as "echo" in the emulator's place: it says what it was given to run.
  Scratchpad pad;
  fs::copy_file("/bin/busybox", pad.path() / "echo");
  const Registered registered((pad.path() / "echo").string());
  if (!registered.reason.empty()) {
    MESSAGE("skipped: " << registered.reason);
    return;
  }
  TestStep step("");
  const Outcome outcome = with_foreign_program(step).run(*runner);
  CHECK(outcome.out == "/bin/tool hello\n");
  CHECK(outcome.exit_code == 0);
}

TEST_CASE("qemu runs a program for arm64") {
  const auto runner = real_runner();
  if (!runner) return;
  const ForeignPlatform arm64 = of(foreign_platforms("/nothing"), "linux/arm64");
  if (arm64.program.empty()) {
    MESSAGE("skipped: qemu-aarch64-static is not installed");
    return;
  }
  const Registered registered(arm64.program);
  if (!registered.reason.empty()) {
    MESSAGE("skipped: " << registered.reason);
    return;
  }
  TestStep step("");
  Outcome outcome = with_foreign_program(step).run(*runner);
  INFO(outcome.err);
  CHECK(outcome.out == "from arm64\n");
  CHECK(outcome.exit_code == 5);

  // Also where a shell of this machine's starts it, as another user.
  TestStep shell("/bin/tool; echo status $?");
  with_foreign_program(shell);
  shell.operation.arguments = {"/bin/sh", "-c", "/bin/tool; echo status $?"};
  shell.operation.user = "builder";
  outcome = shell.run(*runner);
  CHECK(outcome.out == "from arm64\nstatus 5\n");
}

TEST_CASE("the smallest program of each architecture ends as it says") {
  Scratchpad pad;
  int tried = 0;
  for (const Architecture& architecture : architectures()) {
    CAPTURE(architecture.platform);
    const fs::path program = pad.path() / "program";
    fs::remove(program);
    write_file(program, smallest_program(architecture));
    fs::permissions(program, fs::perms::all);
    const bool own = parse_platform(architecture.platform) == host_platform();
    const auto emulator = find_program(architecture.emulator);
    if (!own && !emulator) continue;
    ++tried;
    // Under the emulator itself: registering one would be the whole machine's business.
    const std::string file = own ? program.string() : *emulator;
    ChildProcess child(
        {file,
         own ? std::vector<std::string>{file} : std::vector<std::string>{file, program.string()},
         {},
         {}});
    CHECK(child.wait() == smallest_program_status);
  }
  REQUIRE(tried > 0);
  if (tried == 1) MESSAGE("skipped: no qemu-...-static is installed");
}

TEST_CASE("what binfmt_misc lists and what is installed says which platforms run") {
  Scratchpad pad;
  const fs::path handlers = pad.path() / "binfmt";
  const fs::path programs = pad.path() / "bin";
  write_file(handlers / "register", "");
  write_file(handlers / "status", "enabled\n");
  // As Debian's binfmt-support registers it.
  write_handler(handlers / "qemu-aarch64", "enabled", "POCF", "/usr/libexec/qemu-binfmt/aarch64",
                "7f454c460201010000000000000000000200b700",
                "ffffffffffffff00fffffffffffffffffeffffff");
  write_handler(handlers / "qemu-s390x", "enabled", "OC", "/usr/bin/qemu-s390x-static",
                "7f454c4602020100000000000000000000020016",
                "ffffffffffffff00fffffffffffffffffffeffff");
  write_handler(handlers / "qemu-riscv64", "disabled", "F", "/usr/bin/qemu-riscv64-static",
                "7f454c460201010000000000000000000200f300",
                "ffffffffffffff00fffffffffffffffffeffffff");
  write_file(handlers / "python",
             "enabled\ninterpreter /usr/bin/python3\nflags: \nextension .py\n");
  write_file(handlers / "broken", "enabled\nmagic zz\n");
  write_file(programs / "qemu-arm-static", "#!/bin/sh\n");
  fs::permissions(programs / "qemu-arm-static", fs::perms::all);

  using Means = ForeignPlatform::Means;
  const auto all = foreign_platforms(handlers, programs.string());
  CHECK(all.front().platform == host_platform());
  CHECK(all.front().means == Means::native);
  CHECK(of(all, "linux/arm64").means == Means::handler);
  CHECK(of(all, "linux/arm64").program == "/usr/libexec/qemu-binfmt/aarch64");
  CHECK(of(all, "linux/s390x").means == Means::handler_outside);
  CHECK(of(all, "linux/riscv64").means == Means::none);
  CHECK(of(all, "linux/arm/v7").means == Means::emulator);
  CHECK(of(all, "linux/ppc64le").means == Means::none);
  CHECK(of(foreign_platforms("/nothing", ""), "linux/arm64").means == Means::none);
}
