#include <cache/containers/state.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

// 128 + SIGKILL: a monitor that is gone has taken its container with it.
constexpr int killed_status = 137;
constexpr std::size_t largest_state = 4 << 20;  // bytes; 65,535 ports take 2 MB

constexpr std::pair<ContainerStatus, std::string_view> statuses[] = {
    {ContainerStatus::created, "created"},
    {ContainerStatus::running, "running"},
    {ContainerStatus::paused, "paused"},
    {ContainerStatus::exited, "exited"},
};

// Up to the next blank, which is taken away too.
std::string_view next_word(std::string_view& rest) {
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  return word;
}

template <class Number>
Number number(std::string_view text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void take_line(ContainerState& state, std::string_view line) {
  const std::string_view word = next_word(line);
  if (word == "status") {
    for (const auto& [status, name] : statuses)
      if (name == line) state.status = status;
  } else if (word == "boot") {
    state.boot = line;
  } else if (word == "monitor" || word == "process") {
    ProcessId& process = word == "monitor" ? state.monitor : state.process;
    process.pid = number<std::int64_t>(next_word(line));
    process.start = number<std::int64_t>(line);
  } else if (word == "started") {
    state.started = number<std::int64_t>(line);
  } else if (word == "finished") {
    state.finished = number<std::int64_t>(line);
  } else if (word == "exit") {
    state.exit_code = number<int>(line);
  } else if (word == "oom") {
    state.out_of_memory = line == "1";
  } else if (word == "error") {
    state.error = line;
  } else if (word == "address") {
    state.address = line;
  } else if (word == "port") {
    PortMapping port;
    port.host_address = next_word(line);
    port.host_port = number<std::uint16_t>(next_word(line));
    port.port = number<std::uint16_t>(next_word(line));
    port.protocol = line;
    state.ports.push_back(std::move(port));
  }
}

const std::string& boot_id() {
  static const std::string boot = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;
  }();
  return boot;
}

// Field 22 of /proc/PID/stat; 0: there is no such process.
std::int64_t start_of(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  // The second field is the program's name, in parentheses, and may hold anything.
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos || name_end + 2 > text.size()) return 0;
  std::string_view rest = std::string_view(text).substr(name_end + 2);
  for (int field = 3; field < 22; ++field) next_word(rest);
  return number<std::int64_t>(next_word(rest));
}

std::string read_state_file(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "state";
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) {
    if (errno == ENOENT) return {};
    throw system_error("open", path.string(), errno);
  }
  std::string text;
  while (text.size() < largest_state) {
    const std::size_t before = text.size();
    text.resize(std::max<std::size_t>(4096, 2 * before));
    const ssize_t got = ::read(file.get(), text.data() + before, text.size() - before);
    if (got < 0) throw system_error("read", path.string(), errno);
    text.resize(before + static_cast<std::size_t>(got));
    if (got == 0) break;
  }
  return text;
}

// Whole file, exclusive, owned by the open file: it goes with the last descriptor of it, whoever
// has that. Not flock(2): that cannot be asked for without being taken, and who only looks would be
// in the way of who is about to start the container.
struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

bool is_locked(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "lock";
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return false;
  struct flock lock = whole_file();
  if (::fcntl(file.get(), F_OFD_GETLK, &lock) != 0)
    throw system_error("fcntl", path.string(), errno);
  return lock.l_type != F_UNLCK;
}

// Kills the process if it is that one, and waits until it is gone. False: it is not, after so many
// milliseconds.
bool kill_left(const ProcessId& process, int patience) {
  if (process.pid <= 0 || process.pid > std::numeric_limits<pid_t>::max() || process.start <= 0)
    return true;
  const FileDescriptor descriptor(
      static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(process.pid), 0)));
  // Looked at behind the descriptor: now the number cannot become another process's.
  if (!descriptor || start_of(process.pid) != process.start) return true;
  // Mostly the kernel has done it: the process dies with its monitor, unless its program has become
  // another user since (PR_SET_PDEATHSIG).
  ::syscall(SYS_pidfd_send_signal, descriptor.get(), SIGKILL, nullptr, 0);
  pollfd ended = {descriptor.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&ended, 1, patience);
  } while (ready < 0 && errno == EINTR);
  return ready == 1;
}

void end(ContainerState& state, std::int64_t when) {
  state.status = ContainerStatus::exited;
  state.exit_code = killed_status;
  if (state.finished < state.started) state.finished = when;
  state.monitor = {};
  state.process = {};
  state.address.clear();
  state.ports.clear();
}

// When the file was written last, nanoseconds since the epoch.
std::int64_t written_at(const std::filesystem::path& folder) {
  struct stat status {};
  if (::stat((folder / "state").c_str(), &status) != 0) return 0;
  return status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
}

}  // namespace

std::string_view status_name(ContainerStatus status) {
  for (const auto& [each, name] : statuses)
    if (each == status) return name;
  return {};
}

ContainerState parse_state(std::string_view text) {
  ContainerState state;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    take_line(state, line);
  }
  return state;
}

std::string write_state(const ContainerState& state) {
  const auto line = [](std::string_view word, const std::string& value) {
    return std::string(word) + " " + value + "\n";
  };
  std::string text = line("status", std::string(status_name(state.status)));
  if (!state.boot.empty()) text += line("boot", state.boot);
  for (const auto& [word, process] :
       {std::pair("monitor", state.monitor), std::pair("process", state.process)}) {
    if (process.pid != 0)
      text += line(word, std::to_string(process.pid) + " " + std::to_string(process.start));
  }
  if (state.started != 0) text += line("started", std::to_string(state.started));
  if (state.finished != 0) text += line("finished", std::to_string(state.finished));
  text += line("exit", std::to_string(state.exit_code));
  if (state.out_of_memory) text += line("oom", "1");
  std::string error = state.error;
  for (char& each : error)
    if (each == '\n') each = ' ';
  if (!error.empty()) text += line("error", error);
  if (!state.address.empty()) text += line("address", state.address);
  for (const PortMapping& port : state.ports) {
    text += line("port", port.host_address + " " + std::to_string(port.host_port) + " " +
                             std::to_string(port.port) + " " + port.protocol);
  }
  return text;
}

ContainerState container_state(const std::filesystem::path& folder) {
  constexpr int patience = 2'000;  // milliseconds
  for (ContainerState state = parse_state(read_state_file(folder));;) {
    if (!state.alive()) return state;
    const bool booted = state.boot == boot_id();
    if (booted && is_locked(folder)) return state;
    // It may have ended in order since the file was read, or begun anew: only of a monitor that is
    // gone may anything be killed.
    ContainerState again = parse_state(read_state_file(folder));
    if (again != state) {
      state = std::move(again);
      continue;
    }
    // What lives still is told of as what it is.
    if (booted && !kill_left(state.process, patience)) return state;
    end(state, written_at(folder));
    return state;
  }
}

void kill_left_behind(const std::filesystem::path& store_root) {
  std::error_code none;
  for (std::filesystem::directory_iterator entry(store_root / "containers", none), last;
       entry != last; entry.increment(none)) {
    try {
      container_state(entry->path());
    } catch (const Error&) {
      continue;  // whoever asks for that one says so
    }
  }
}

void put_state(const std::filesystem::path& folder, const ContainerState& state) {
  const std::filesystem::path aside = folder / "state.new";
  {
    const FileDescriptor file(
        ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) throw system_error("open", aside.string(), errno);
    write_all(file.get(), write_state(state), aside.string());
  }
  if (::rename(aside.c_str(), (folder / "state").c_str()) != 0)
    throw system_error("rename", aside.string(), errno);
}

std::optional<ContainerLock> ContainerLock::attempt(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  const auto gone = [&folder] {
    return NoSuchContainer("there is no container " + folder.filename().string() + " any more");
  };
  if (descriptor < 0 && errno == ENOENT) throw gone();
  if (descriptor < 0) throw system_error("open", path.string(), errno);
  ContainerLock lock(descriptor);
  struct flock whole = whole_file();
  if (::fcntl(descriptor, F_OFD_SETLK, &whole) != 0) {
    if (errno == EAGAIN || errno == EACCES) return std::nullopt;
    throw system_error("fcntl", path.string(), errno);
  }
  // Who removed the container held the lock until its file was gone: this is one on nothing.
  struct stat held {};
  if (::fstat(descriptor, &held) != 0) throw system_error("fstat", path.string(), errno);
  if (held.st_nlink == 0) throw gone();
  return lock;
}

ContainerLock::ContainerLock(ContainerLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

ContainerLock::~ContainerLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

ContainerState settle(const std::filesystem::path& folder, const ContainerLock&) {
  ContainerState state = parse_state(read_state_file(folder));
  if (!state.alive()) return state;
  constexpr int patience = 10'000;  // milliseconds
  // Nobody may begin anew upon files that it still writes.
  if (state.boot == boot_id() && !kill_left(state.process, patience))
    throw Error("process " + std::to_string(state.process.pid) +
                ", which a killed monitor has left of the container, does not end")
        .hint("kill it, then try again");
  end(state, written_at(folder));
  put_state(folder, state);
  return state;
}

}  // namespace slipway
