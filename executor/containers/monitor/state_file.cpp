#include "state_file.hpp"

#include "kernel.hpp"

#include <linux/fcntl.h>
#include <linux/uio.h>

namespace slipway::monitor {
namespace {

std::uint64_t number(long value) {
  return static_cast<std::uint64_t>(value);
}

}  // namespace

std::size_t state_text(const State& state, char* to, std::size_t size) {
  const bool alive = state.status != State::Status::exited;
  Text text(to, size);
  text.add("status ").add(!alive                                   ? "exited\n"
                          : state.status == State::Status::running ? "running\n"
                                                                   : "paused\n");
  text.add(state.boot);
  if (alive) {
    text.add("monitor ").add(number(state.monitor)).add(" ").add(state.monitor_start).add("\n");
    text.add("process ").add(number(state.process)).add(" ").add(state.process_start).add("\n");
  }
  text.add("started ").add(state.started).add("\n");
  if (state.finished != 0) text.add("finished ").add(state.finished).add("\n");
  text.add("exit ").add(static_cast<std::uint64_t>(state.exit_code)).add("\n");
  if (state.out_of_memory) text.add("oom 1\n");
  return init::length(to);
}

void write_state(int folder, const State& state) {
  const long file = system_call(SYS_openat, folder, address("state.new"),
                                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return;
  char text[512];
  const std::size_t size = state_text(state, text, sizeof(text));
  const bool alive = state.status != State::Status::exited;
  const std::size_t more = alive ? init::length(state.network) : 0;
  struct iovec pieces[] = {{text, size}, {const_cast<char*>(state.network), more}};
  const long put = system_call(SYS_writev, file, address(pieces), 2);
  system_call(SYS_close, file);
  if (put != static_cast<long>(size + more)) return;
  system_call(SYS_renameat2, folder, address("state.new"), folder, address("state"), 0);
}

std::uint64_t start_of(const char* process) {
  char path[64];
  Text(path, sizeof(path)).add("/proc/").add(process).add("/stat");
  char text[1024];
  read_file(AT_FDCWD, path, text, sizeof(text));
  // The second field is the program's name, in parentheses, and may hold anything.
  const char* rest = nullptr;
  for (const char* at = text; *at != 0; ++at) {
    if (*at == ')') rest = at;
  }
  if (rest == nullptr) return 0;
  for (int blanks = 0; *rest != 0 && blanks < 20; ++rest) {
    if (*rest == ' ') ++blanks;
  }
  return read_number(rest);
}

}  // namespace slipway::monitor
