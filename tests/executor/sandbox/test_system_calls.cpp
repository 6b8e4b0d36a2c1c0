// The filter, call by call: system_calls.txt has docker's decisions.
#include "executor/sandbox/real_runner.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace slipway;

namespace {

struct SystemCall {
  long number;
  std::string name;
  std::string what;
};

std::vector<SystemCall> system_calls() {
  std::vector<SystemCall> calls;
  std::ifstream file("system_calls.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    SystemCall call;
    words >> call.number >> call.name >> call.what;
    REQUIRE(!words.fail());
    calls.push_back(call);
  }
  return calls;
}

// What each call gave in one step, by its number.
std::map<long, std::string> outcomes(ProcessRunner& runner, const std::string& command,
                                     const std::vector<long>& numbers,
                                     RunProcess::Security security) {
  TestStep step("");
  step.with_busybox().with_probe().operation.security = security;
  step.operation.arguments = {"/bin/probe", command};
  for (const long number : numbers) step.operation.arguments.push_back(std::to_string(number));
  std::istringstream lines(step.run(runner).out);
  std::map<long, std::string> found;
  long number = 0;
  for (std::string outcome; lines >> number >> outcome;) found[number] = outcome;
  return found;
}

std::vector<long> numbers_of(const std::string& what) {
  // It would flush every disk of this machine; nothing else of the allowed ones does harm.
  const std::set<std::string> left_out = {"sync"};
  std::vector<long> numbers;
  for (const SystemCall& call : system_calls()) {
    if (call.what == what && !left_out.contains(call.name)) numbers.push_back(call.number);
  }
  return numbers;
}

std::string name_of(long number) {
  for (const SystemCall& call : system_calls()) {
    if (call.number == number) return call.name;
  }
  return std::to_string(number);
}

const std::string eperm = std::to_string(EPERM);
const std::string enosys = std::to_string(ENOSYS);

int error_of(ProcessRunner& runner, const std::string& command) {
  return std::stoi(run_plain(runner, command).out);
}

}  // namespace

#if defined(__x86_64__)

TEST_CASE("every call that docker's profile refuses is refused by the filter") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  const std::vector<long> numbers = numbers_of("refused");
  REQUIRE(numbers.size() > 60);
  const auto refused = outcomes(*runner, "calls", numbers, RunProcess::Security::sandbox);
  // What the kernel itself says to the same arguments is something else: it was the filter. (The
  // root of a user's namespace is nobody to some of these calls.)
  const auto without = outcomes(*runner, "calls", numbers, RunProcess::Security::insecure);
  REQUIRE(refused.size() == numbers.size());
  for (const long number : numbers) {
    CAPTURE(name_of(number));
    CHECK(refused.at(number) == eperm);
    if (rights.space.ids == Ids::all) CHECK(without.at(number) != eperm);
  }
}

TEST_CASE("every call that docker's profile allows reaches the kernel") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  const std::vector<long> numbers = numbers_of("allowed");
  REQUIRE(numbers.size() > 290);
  const auto allowed = outcomes(*runner, "calls", numbers, RunProcess::Security::sandbox);
  const auto without = outcomes(*runner, "calls", numbers, RunProcess::Security::insecure);
  REQUIRE(allowed.size() == numbers.size());
  for (const long number : numbers) {
    CAPTURE(name_of(number));
    // A kernel that does not have the call says so itself. In a user's namespace it may refuse
    // some.
    CHECK(allowed.at(number) == without.at(number));
    if (rights.space.ids == Ids::all) CHECK(allowed.at(number) != eperm);
  }
}

TEST_CASE("clone3 and what is younger than docker's profile seem not to exist") {
  const auto runner = real_runner();
  if (!runner) return;
  std::vector<long> numbers = numbers_of("missing");
  REQUIRE(numbers.size() >= 5);
  numbers.push_back(5000);
  for (const auto& [number, outcome] :
       outcomes(*runner, "calls", numbers, RunProcess::Security::sandbox)) {
    CAPTURE(name_of(number));
    CHECK(outcome == enosys);
  }
}

TEST_CASE("the 32-bit machine's numbers are no way around") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  // mount, umount2, init_module, reboot, unshare, setns, bpf, keyctl, ptrace's friend kcmp
  const std::vector<long> refused = {21, 52, 128, 88, 310, 346, 357, 288, 349};
  const auto found = outcomes(*runner, "calls32", refused, RunProcess::Security::sandbox);
  // getpid: a kernel without 32-bit programs kills who tries.
  if (outcomes(*runner, "calls32", {20}, RunProcess::Security::insecure).at(20) == "ended") {
    MESSAGE("this kernel has no 32-bit system calls: nobody can make them");
    for (const auto& [number, outcome] : found) CHECK(outcome == "ended");
    return;
  }
  REQUIRE(found.size() == refused.size());
  for (const auto& [number, outcome] : found) {
    CAPTURE(number);
    CHECK(outcome == eperm);
  }
  CHECK(outcomes(*runner, "calls32", {20}, RunProcess::Security::sandbox).at(20) == "0");
}

TEST_CASE("the numbers of x32 seem not to exist") {
  const auto runner = real_runner();
  if (!runner) return;
  constexpr long x32 = 0x40000000;
  const std::vector<long> numbers = {x32 | SYS_mount, x32 | SYS_getpid, x32 | SYS_unshare,
                                     x32 | 520};
  for (const auto& [number, outcome] :
       outcomes(*runner, "calls", numbers, RunProcess::Security::sandbox)) {
    CAPTURE(number);
    CHECK(outcome == enosys);
  }
}

#endif

TEST_CASE("no namespace can be made by clone") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* flag : {"0x20000", "0x2000000", "0x4000000", "0x8000000", "0x10000000",
                           "0x20000000", "0x40000000", "0x7e020000"}) {
    CAPTURE(flag);
    CHECK(error_of(*runner, std::string("probe clone ") + flag) == EPERM);
  }
  CHECK(error_of(*runner, "probe clone 0") == 0);
  // CLONE_FS, CLONE_FILES, CLONE_PARENT_SETTID: no namespaces.
  CHECK(error_of(*runner, "probe clone 0x600") == 0);
}

TEST_CASE("families of sockets: all but AF_ALG and AF_VSOCK") {
  const auto runner = real_runner();
  if (!runner) return;
  std::string command;
  for (int family = 0; family < AF_MAX; ++family)
    command += "probe socket " + std::to_string(family) + ";";
  std::istringstream lines(run_plain(*runner, command).out);
  for (int family = 0; family < AF_MAX; ++family) {
    CAPTURE(family);
    int error = -1;
    lines >> error;
    REQUIRE(!lines.fail());
    const bool refused = family == AF_ALG || family == AF_VSOCK;
    // For these the kernel itself asks for a right that a step has not, or over a network that is
    // not the user's.
    if (family == AF_KEY) continue;
    if (rights.space.ids != Ids::all && (family == AF_PACKET || family == AF_XDP)) continue;
    const bool was_refused = error == EPERM;
    CHECK(was_refused == refused);
  }
}

TEST_CASE("personalities: Linux, 32-bit Linux, old version numbers, and the question") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const char* allowed : {"0x0", "0x8", "0x20000", "0x20008", "0xffffffff"}) {
    CAPTURE(allowed);
    CHECK(error_of(*runner, std::string("probe personality ") + allowed) == 0);
  }
  // No randomised addresses, executable stacks, page 0, Solaris, BSD.
  for (const char* refused : {"0x40000", "0x400000", "0x100000", "0x40d", "0x6", "0x1", "0x9"}) {
    CAPTURE(refused);
    CHECK(error_of(*runner, std::string("probe personality ") + refused) == EPERM);
  }
}

TEST_CASE("a step cannot take its filter off, and a setuid program has it as well") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step(
      "grep Seccomp: /proc/self/status; probe clone 0x10000000; "
      "cp /bin/probe /su; chmod 4755 /su; chroot / /su clone 0x10000000");
  step.with_busybox().with_probe();
  CHECK(step.run(*runner).out == "Seccomp:\t2\n1\n1\n");
}
