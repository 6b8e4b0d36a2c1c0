#include <executor/containers/processes.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <map>
#include <memory>
#include <vector>

namespace slipway {
namespace {

constexpr int most_levels = 32;  // of process namespaces: the kernel's limit

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

FileDescriptor open_in(const FileDescriptor& folder, const std::string& name, int flags) {
  return FileDescriptor(::openat(folder.get(), name.c_str(), flags | O_CLOEXEC));
}

std::uint64_t identity(const FileDescriptor& space) {
  struct stat status {};
  return space && ::fstat(space.get(), &status) == 0 ? status.st_ino : 0;
}

// Whether the process namespace is `wanted`, or lies in it.
bool lies_in(FileDescriptor space, std::uint64_t wanted) {
  for (int level = 0; space && level < most_levels; ++level) {
    if (identity(space) == wanted) return true;
    // Fails above the namespace of this process.
    space = FileDescriptor(::ioctl(space.get(), NS_GET_PARENT));
  }
  return false;
}

std::vector<std::int64_t> all_numbers() {
  std::vector<std::int64_t> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir("/proc"), ::closedir);
  while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name.find_first_not_of("0123456789") == name.npos) numbers.push_back(number(name));
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

std::optional<HeldProcess> HeldProcess::open(std::int64_t pid) {
  if (pid <= 0 || pid > std::numeric_limits<pid_t>::max()) return std::nullopt;
  // Whoever has the number when the folder is opened is who the folder is of, and if the other
  // descriptor was of another one before, that one is dead, which is seen by the last line.
  FileDescriptor process(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)));
  FileDescriptor folder(
      ::open(("/proc/" + std::to_string(pid)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!process || !folder) return std::nullopt;
  if (::syscall(SYS_pidfd_send_signal, process.get(), 0, nullptr, 0) != 0 && errno == ESRCH) {
    return std::nullopt;
  }
  return HeldProcess(pid, std::move(process), std::move(folder));
}

std::optional<HeldProcess> HeldProcess::open(const ProcessId& id) {
  std::optional<HeldProcess> held = open(id.pid);
  if (!held) return std::nullopt;
  const auto facts = parse_process_facts(held->read("stat"));
  if (!facts || facts->start != id.start || facts->status == 'Z' || facts->status == 'X') {
    return std::nullopt;
  }
  return held;
}

std::string HeldProcess::read(const char* name, std::size_t limit) const {
  std::string text;
  const FileDescriptor file = open_in(folder_, name, O_RDONLY);
  if (!file) return text;
  text.resize(limit);
  std::size_t used = 0;
  while (used < limit) {
    const ssize_t got = ::read(file.get(), text.data() + used, limit - used);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

FileDescriptor HeldProcess::open_space(const char* name) const {
  return open_in(folder_, std::string("ns/") + name, O_RDONLY);
}

std::uint64_t HeldProcess::space(const char* name) const {
  struct stat status {};
  const std::string path = std::string("ns/") + name;
  return ::fstatat(folder_.get(), path.c_str(), &status, 0) == 0 ? status.st_ino : 0;
}

std::optional<ProcessFacts> parse_process_facts(std::string_view stat) {
  // The name stands in parentheses, and may hold anything.
  const std::size_t open = stat.find('(');
  const std::size_t close = stat.rfind(')');
  if (open == stat.npos || close == stat.npos || close < open || close + 2 > stat.size()) {
    return std::nullopt;
  }
  ProcessFacts facts;
  facts.name = stat.substr(open + 1, close - open - 1);
  std::string_view rest = stat.substr(close + 1);
  for (int field = 2; !rest.empty(); ++field) {
    const std::string_view word = rest.substr(0, rest.find_first_of(" \n"));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    switch (field) {
      case 3:
        facts.status = word.empty() ? '?' : word.front();
        break;
      case 4:
        facts.parent = number(word);
        break;
      case 7:
        facts.terminal = number(word);
        break;
      case 14:
      case 15:
        facts.ticks += number(word);
        break;
      case 16:
      case 17:
        facts.waited_ticks += number(word);
        break;
      case 20:
        facts.threads = number(word);
        break;
      case 22:
        facts.start = number(word);
        break;
      case 24:
        facts.resident = number(word);
        break;
      default:
        break;
    }
  }
  return facts;
}

void each_process_beside(const HeldProcess& first,
                         const std::function<void(const HeldProcess&)>& visit) {
  const std::uint64_t wanted = first.space("pid");
  if (wanted == 0) return;
  std::map<std::uint64_t, bool> known = {{wanted, true}};  // by namespace
  for (const std::int64_t pid : all_numbers()) {
    const std::optional<HeldProcess> held = HeldProcess::open(pid);
    if (!held) continue;
    const std::uint64_t space = held->space("pid");
    if (space == 0) continue;  // of another user
    auto known_space = known.find(space);
    if (known_space == known.end()) {
      known_space = known.emplace(space, lies_in(held->open_space("pid"), wanted)).first;
    }
    if (known_space->second) visit(*held);
  }
}

}  // namespace slipway
