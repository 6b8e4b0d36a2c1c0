#include "git_server.hpp"

#include <loopback.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

namespace slipway {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::string shell(const std::string& script) {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "out").string();
  const std::string command =
      "exec >" + out + " 2>" + out +
      ".errors </dev/null\nset -e\nunset GIT_DIR GIT_EXEC_PATH\n"
      "export HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null\n"
      "export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t\n"
      "export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'\n" +
      script;
  const int status = std::system(command.c_str());
  std::string text = read_file(out);
  REQUIRE_MESSAGE(status == 0, script << "\n" << text << read_file(out + ".errors"));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

ServedRepository::ServedRepository(const GitServer& server, std::string name,
                                   const std::string& format)
    : server_(server), name_(std::move(name)), path_(server.path() / "srv" / name_) {
  shell("git init -q -b main --object-format=" + format + " '" + path_.string() + "'");
}

std::string ServedRepository::url() const {
  return server_.url(name_);
}

void ServedRepository::write(const std::string& file, const std::string& text, mode_t mode) const {
  const fs::path target = path_ / file;
  fs::create_directories(target.parent_path());
  std::ofstream(target, std::ios::binary | std::ios::trunc) << text;
  REQUIRE(::chmod(target.c_str(), mode) == 0);
}

std::string ServedRepository::git(const std::string& arguments) const {
  return shell("git -C '" + path_.string() + "' " + arguments);
}

std::string ServedRepository::commit(const std::string& message) const {
  git("add -A");
  git("commit -q -m '" + message + "'");
  return git("rev-parse HEAD");
}

GitServer::GitServer() : port_(free_port()) {
  fs::create_directories(folder_.path() / "srv");
  const std::string log = (folder_.path() / "log").string();
  const std::string base = (folder_.path() / "srv").string();
  const std::string port = "--port=" + std::to_string(port_);
  const std::string base_path = "--base-path=" + base;
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    // git starts the daemon as a child of its own.
    ::setpgid(0, 0);
    const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execlp("git", "git", "daemon", "--listen=127.0.0.1", port.c_str(), base_path.c_str(),
             "--export-all", "--reuseaddr", "--informative-errors", "--verbose", base.c_str(),
             nullptr);
    ::_exit(127);
  }
  bool up = false;
  for (int i = 0; i < 1000 && !up; ++i) {
    up = accepts(port_);
    if (up) break;
    REQUIRE_MESSAGE(::waitpid(pid_, nullptr, WNOHANG) == 0, read_file(log));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  REQUIRE_MESSAGE(up, read_file(log));
}

GitServer::~GitServer() {
  stop();
}

void GitServer::stop() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::size_t GitServer::connections() const {
  const std::string log = read_file(folder_.path() / "log");
  std::size_t count = 0;
  constexpr std::string_view request = "Request upload-pack for";
  for (std::size_t at = 0; (at = log.find(request, at)) != std::string::npos; ++at) ++count;
  return count;
}

}  // namespace slipway
