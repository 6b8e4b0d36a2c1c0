#include "program.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

[[noreturn]] void fail(const std::string& what, int reason) {
  throw std::system_error(reason, std::generic_category(), what);
}

int memory_file() {
  const int fd = ::memfd_create("output", MFD_CLOEXEC);
  if (fd < 0) fail("memfd_create", errno);
  return fd;
}

std::string content(int fd) {
  std::string text;
  char chunk[65536];
  ssize_t got = 0;
  while ((got = ::pread(fd, chunk, sizeof chunk, static_cast<off_t>(text.size()))) > 0) {
    text.append(chunk, static_cast<std::size_t>(got));
  }
  return text;
}

int shell_status(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::vector<std::string> with_ours(const std::map<std::string, std::string>& environment) {
  std::vector<std::string> all;
  for (char** line = ::environ; *line != nullptr; ++line) {
    const std::string text = *line;
    if (!environment.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : environment) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

Program::Program(const std::vector<std::string>& words,
                 const std::map<std::string, std::string>& environment)
    : out_(memory_file()), err_(memory_file()) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out_, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err_, STDERR_FILENO);
  std::vector<std::string> arguments = words;
  std::vector<std::string> variables = with_ours(environment);
  const int problem = ::posix_spawnp(&pid_, words.front().c_str(), &actions, nullptr,
                                     pointers(arguments).data(), pointers(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) {
    ::close(out_);
    ::close(err_);
    fail("cannot run " + words.front(), problem);
  }
}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      out_(std::exchange(other.out_, -1)),
      err_(std::exchange(other.err_, -1)) {}

Program::~Program() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (out_ >= 0) ::close(out_);
  if (err_ >= 0) ::close(err_);
}

void Program::kill(int signal) { ::kill(pid_, signal); }

bool Program::running() {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

Finished Program::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid", errno);
  }
  pid_ = -1;
  return {shell_status(status), content(out_), content(err_)};
}

Finished run(const std::vector<std::string>& words,
             const std::map<std::string, std::string>& environment) {
  return Program(words, environment).wait();
}

std::string output_of(const std::vector<std::string>& words) {
  const Finished finished = run(words);
  std::string command;
  for (const std::string& word : words) command += word + " ";
  INFO(command, "said: ", finished.err);
  REQUIRE(finished.status == 0);
  return finished.out;
}

}  // namespace slipway
