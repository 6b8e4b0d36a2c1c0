#include <cache/registry/credential_helper.hpp>

#include <cache/file_descriptor.hpp>

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

namespace slipway {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds longest_run{60};
constexpr std::size_t longest_output = std::size_t{64} << 10;

// What helpers call a user whose secret is an identity token.
constexpr std::string_view token_user = "<token>";

std::string find_on_path(const std::string& program) {
  const char* const path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string file = std::string(rest.substr(0, end)) + "/" + program;
    if (file.front() == '/' && end > 0 && ::access(file.c_str(), X_OK) == 0) return file;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  throw Error("the credential helper " + quoted(program) + " is not installed")
      .hint("install it, or take it out of docker's config.json");
}

// The input lies in memory that has no name: a pipe whose reader ends early would send a signal.
FileDescriptor file_with(const std::string& text) {
  FileDescriptor file(::memfd_create("input", MFD_CLOEXEC));
  if (!file) throw system_error("memfd_create", "", errno);
  write_all(file.get(), text, "input");
  if (::lseek(file.get(), 0, SEEK_SET) != 0) throw system_error("lseek", "input", errno);
  return file;
}

struct SpawnSettings {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
  }
};

// The process is over, or made to be, at the end of the scope.
class Helper {
 public:
  Helper(const std::string& file, const char* action, int input, int output) {
    SpawnSettings settings;
    ::posix_spawn_file_actions_adddup2(&settings.files, input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&settings.files, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&settings.files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    // It begins as from a shell, whatever this process does with signals.
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&settings.attributes, &none);
    ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
    ::posix_spawnattr_setflags(&settings.attributes,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::string name = file, word = action;
    char* const arguments[] = {name.data(), word.data(), nullptr};
    const int error = ::posix_spawn(&pid_, file.c_str(), &settings.files, &settings.attributes,
                                    arguments, ::environ);
    if (error != 0) {
      pid_ = -1;
      throw system_error("posix_spawn", file, error);
    }
  }
  Helper(const Helper&) = delete;
  ~Helper() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // Whether it has ended well by then; nothing: it has not ended.
  std::optional<bool> wait(Clock::time_point until) {
    for (;;) {
      int status = 0;
      const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
      if (ended == pid_) {
        pid_ = -1;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
      }
      if (ended < 0 && errno != EINTR) throw system_error("waitpid", "", errno);
      if (Clock::now() > until) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

 private:
  pid_t pid_ = -1;
};

// To its end, or `until`.
std::string read_output(int descriptor, Clock::time_point until) {
  std::string output;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd ready{.fd = descriptor, .events = POLLIN, .revents = 0};
    if (left <= 0 || output.size() > longest_output) return output;
    const int count = ::poll(&ready, 1, static_cast<int>(left));
    if (count < 0 && errno != EINTR) throw system_error("poll", "", errno);
    if (count <= 0) continue;
    char buffer[4096];
    const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
    if (got < 0 && errno != EINTR) throw system_error("read", "", errno);
    if (got == 0) return output;
    if (got > 0) output.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

CredentialHelper::CredentialHelper(std::string name) : program_("docker-credential-" + name) {
  const bool fit =
      !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
      });
  if (!fit) throw Error(quoted(name) + " is no name of a credential helper");
}

CredentialHelper::Answer CredentialHelper::run(const char* action, const std::string& input) const {
  const std::string file = find_on_path(program_);
  const FileDescriptor in = file_with(input);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("pipe2", "", errno);
  const FileDescriptor reading(ends[0]);
  FileDescriptor writing(ends[1]);
  Helper helper(file, action, in.get(), writing.get());
  writing = FileDescriptor();  // else the output would have no end
  const auto until = Clock::now() + longest_run;
  Answer answer{.output = read_output(reading.get(), until)};
  if (answer.output.size() > longest_output)
    throw Error("the credential helper " + quoted(program_) + " says more than " +
                std::to_string(longest_output) + " bytes");
  const auto ended = helper.wait(until);
  if (!ended)
    throw Error("the credential helper " + quoted(program_) + " does not end within " +
                std::to_string(longest_run.count()) + " s");
  answer.succeeded = *ended;
  return answer;
}

// What a helper says of its failure it prints as its answer, and that may hold anything: only a
// line is shown of it, and none of an answer with a secret: one that did not fail may be the secret
// alone.
Error CredentialHelper::failure(const Answer& answer) const {
  std::string line = answer.output.substr(0, answer.output.find('\n'));
  if (answer.succeeded || line.find('{') != std::string::npos) line.clear();
  return Error("the credential helper " + quoted(program_) + " failed" +
               (line.empty() ? "" : ": " + quoted(line)));
}

std::optional<Credentials> CredentialHelper::get(const std::string& server) const {
  const Answer answer = run("get", server);
  if (!answer.succeeded) {
    // As the helpers' library words it.
    if (answer.output.find("credentials not found") != std::string::npos) return std::nullopt;
    throw failure(answer);
  }
  const auto json = nlohmann::json::parse(answer.output, nullptr, false);
  const auto text = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!json.is_object() || text("Username").empty()) throw failure(answer);
  if (text("Username") == token_user)
    return Credentials{.user = {}, .password = {}, .identity_token = text("Secret")};
  return Credentials{.user = text("Username"), .password = text("Secret"), .identity_token = {}};
}

void CredentialHelper::store(const std::string& server, const Credentials& credentials) const {
  const bool token = !credentials.identity_token.empty();
  const nlohmann::json json = {
      {"ServerURL", server},
      {"Username", token ? std::string(token_user) : credentials.user},
      {"Secret", token ? credentials.identity_token : credentials.password}};
  const Answer answer =
      run("store", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!answer.succeeded) throw failure(answer);
}

void CredentialHelper::erase(const std::string& server) const {
  const Answer answer = run("erase", server);
  if (!answer.succeeded && answer.output.find("credentials not found") == std::string::npos)
    throw failure(answer);
}

}  // namespace slipway
