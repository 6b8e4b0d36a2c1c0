#include "built_image.hpp"

#include "../build_request.hpp"
#include "../command.hpp"

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <utility>

namespace slipway {
namespace {

// In the forked process.
int build(const RunBuild& asked, const Globals& globals, int answer) {
  BuildRequest request;
  request.context = asked.context;
  request.file = asked.file;
  request.target = asked.target;
  request.build_args = asked.arguments;
  if (asked.quiet) request.progress = "quiet";
  request.built = [answer](const Digest& id) { write_all(answer, id.text(), "pipe"); };
  try {
    return run_build(request, globals);
  } catch (const Error& error) {
    std::fputs(render(error, use_color()).c_str(), stderr);
  } catch (const std::exception& error) {
    std::fputs(render(Error(error.what()), use_color()).c_str(), stderr);
  }
  return 1;
}

// Ctrl-C reaches the build as well, which ends in order: this process waits for that.
class IgnoredInterrupt {
 public:
  IgnoredInterrupt() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &ignore, &before_);
  }
  IgnoredInterrupt(const IgnoredInterrupt&) = delete;
  ~IgnoredInterrupt() { restore(); }
  void restore() const { ::sigaction(SIGINT, &before_, nullptr); }

 private:
  struct sigaction before_ {};
};

}  // namespace

std::string built_image(const RunBuild& asked, const Globals& globals, int& status) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("pipe2", "", errno);
  const FileDescriptor read(ends[0]);
  FileDescriptor answer(ends[1]);
  std::fflush(nullptr);
  const IgnoredInterrupt ignored;
  const pid_t child = ::fork();
  if (child < 0) throw system_error("fork", "", errno);
  if (child == 0) {
    ignored.restore();
    const int ended = build(asked, globals, answer.get());
    std::fflush(nullptr);
    ::_exit(ended);
  }
  answer = FileDescriptor();
  std::string id;
  std::array<char, 256> buffer;
  for (;;) {
    const ssize_t got = ::read(read.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    id.append(buffer.data(), static_cast<std::size_t>(got));
  }
  int ended = 0;
  while (::waitpid(child, &ended, 0) < 0) {
    if (errno != EINTR) throw system_error("waitpid", "", errno);
  }
  status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
  return id;
}

}  // namespace slipway
