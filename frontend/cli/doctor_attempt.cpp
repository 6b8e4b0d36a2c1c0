#include "doctor_attempt.hpp"

#include <cache/file_descriptor.hpp>
#include <executor/chroot/chroot.hpp>
#include <executor/sandbox/architectures.hpp>
#include <executor/sandbox/sandbox.hpp>
#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <future>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr unsigned patience = 60;  // seconds, at whose end a trial is killed

// Texts cannot hold a zero byte, which ends each.
std::string packed(const Attempt& attempt) {
  std::string bytes(1, attempt.worked ? '1' : '0');
  for (const std::string* text : {&attempt.text, &attempt.reason, &attempt.hint}) {
    bytes += *text;
    bytes += '\0';
  }
  return bytes;
}

Attempt unpacked(const std::string& bytes) {
  Attempt attempt;
  attempt.worked = bytes[0] == '1';
  std::size_t from = 1;
  for (std::string* text : {&attempt.text, &attempt.reason, &attempt.hint}) {
    const std::size_t to = std::min(bytes.find('\0', from), bytes.size());
    *text = bytes.substr(from, to - from);
    from = std::min(to + 1, bytes.size());
  }
  return attempt;
}

Attempt carry_out(const std::function<std::string()>& trial) {
  try {
    return {true, trial(), {}, {}};
  } catch (const Error& error) {
    return {false, {}, error.what(), error.diagnostics().front().hint};
  } catch (const std::exception& error) {
    return {false, {}, error.what(), {}};
  }
}

const Architecture& architecture_of(const Platform& platform) {
  for (const Architecture& architecture : architectures()) {
    if (matches(parse_platform(architecture.platform), platform)) return architecture;
  }
  throw Error("slipway has no program for " + platform.text() + " to try");
}

}  // namespace

Attempt attempt(const std::function<std::string()>& trial) {
  Pipe answer = make_pipe();
  const pid_t child = ::fork();
  if (child < 0) throw system_error("fork", "", errno);
  if (child == 0) {
    ::alarm(patience);
    const std::string bytes = packed(carry_out(trial));
    const bool told = ::write(answer.write.get(), bytes.data(), bytes.size()) ==
                      static_cast<ssize_t>(bytes.size());
    ::_exit(told ? 0 : 1);
  }
  answer.write = FileDescriptor();
  std::string bytes;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::read(answer.read.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!bytes.empty()) return unpacked(bytes);
  const std::string how = WIFSIGNALED(status)
                              ? std::string("it was killed: ") + ::strsignal(WTERMSIG(status))
                              : "it ended without a word";
  return {false, {}, how, {}};
}

fs::path nearest_directory(const fs::path& root) {
  std::error_code error;
  fs::path folder = fs::absolute(root, error);
  while (folder.has_relative_path() && !fs::is_directory(folder, error)) {
    folder = folder.parent_path();
  }
  return folder;
}

TrialFolder::TrialFolder(const fs::path& root) {
  std::string name = (nearest_directory(root) / "slipway-doctor-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw system_error("mkdtemp", name, errno)
        .hint("export SLIPWAY_ROOT=DIRECTORY, one that can be written");
  }
  path_ = name;
}

TrialFolder::~TrialFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void run_trial_step(const fs::path& root, const TrialStep& step) {
  // As a build does: a container's root who wants chroot stays where it is.
  const UserNamespace rights =
      step.in_sandbox || ::geteuid() != 0 ? enter_user_namespace() : UserNamespace();
  const TrialFolder folder(root);
  for (const char* name : {"image", "upper", "work"}) {
    if (::mkdir((folder.path() / name).c_str(), 0755) != 0) {
      throw system_error("mkdir", (folder.path() / name).string(), errno);
    }
  }
  const Platform platform = step.platform.os.empty() ? host_platform() : step.platform;
  const fs::path program = folder.path() / "image" / "program";
  {
    std::ofstream file(program, std::ios::binary);
    file << smallest_program(architecture_of(platform));
    file.close();
    if (!file || ::chmod(program.c_str(), 0755) != 0) {
      throw system_error("write", program.string(), errno);
    }
  }

  RunProcess operation;
  operation.arguments = {"/program"};
  operation.platform = platform;
  RunRequest request;
  request.operation = &operation;
  request.lowers = {folder.path() / "image"};
  request.upper = folder.path() / "upper";
  request.work = folder.path() / "work";

  std::promise<RunResult> ended;
  int trees = 0;
  const std::unique_ptr<ProcessRunner> runner =
      step.in_sandbox ? sandbox_runner({.ids = rights.ids, .limits = step.limits})
                      : chroot_runner({.fresh_folder = [&] {
                          return folder.path() / ("tree" + std::to_string(trees++));
                        }});
  const auto process = runner->start(
      request, [](OutputStream, std::string_view) {},
      [&ended](RunResult result) { ended.set_value(std::move(result)); });
  const RunResult result = ended.get_future().get();
  if (result.failure) throw Error(*result.failure);
  if (result.exit_code != smallest_program_status) {
    throw Error("it ended with " + std::to_string(result.exit_code) + " instead of " +
                std::to_string(smallest_program_status));
  }
}

}  // namespace slipway
