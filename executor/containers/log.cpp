#include <executor/containers/log.hpp>

#include <executor/containers/monitor/log.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t piece = 64 << 10;        // bytes that are read at once
constexpr std::size_t longest_line = 1 << 20;  // bytes; a monitor's are much shorter

bool number(std::string_view text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// "2026-11-30T20:08:27.123456789Z".
std::optional<std::int64_t> time_in(std::string_view text) {
  std::tm parts{};
  int nanoseconds = 0;
  if (text.size() != monitor::time_size || text.back() != 'Z' ||
      !number(text.substr(0, 4), parts.tm_year) || !number(text.substr(5, 2), parts.tm_mon) ||
      !number(text.substr(8, 2), parts.tm_mday) || !number(text.substr(11, 2), parts.tm_hour) ||
      !number(text.substr(14, 2), parts.tm_min) || !number(text.substr(17, 2), parts.tm_sec) ||
      !number(text.substr(20, 9), nanoseconds)) {
    return std::nullopt;
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return std::int64_t{::timegm(&parts)} * 1'000'000'000 + nanoseconds;
}

std::optional<LogEntry> parse(std::string_view line) {
  // Behind the time " stdout F ".
  constexpr std::size_t head = monitor::time_size + 10;
  if (line.size() < head) return std::nullopt;
  LogEntry entry;
  const auto time = time_in(line.substr(0, monitor::time_size));
  const std::string_view stream = line.substr(monitor::time_size, 8);
  const std::string_view flag = line.substr(monitor::time_size + 8, 2);
  if (!time || (stream != " stdout " && stream != " stderr ") || (flag != "F " && flag != "P "))
    return std::nullopt;
  entry.time = *time;
  entry.written = line.substr(0, monitor::time_size);
  entry.error = stream == " stderr ";
  entry.ends_line = flag == "F ";
  entry.bytes = line.substr(head);
  return entry;
}

}  // namespace

LogReader::LogReader(std::filesystem::path container_folder)
    : folder_(std::move(container_folder)) {
  open();
}

bool LogReader::open() {
  if (file_) return true;
  const std::filesystem::path path = folder_ / "log";
  file_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file_ && errno != ENOENT) throw system_error("open", path.string(), errno);
  return static_cast<bool>(file_);
}

void LogReader::keep_last(std::size_t lines) {
  struct stat status {};
  if (!open() || ::fstat(file_.get(), &status) != 0 || status.st_size == 0) return;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file_.get(), 0);
  if (memory == MAP_FAILED) throw system_error("mmap", (folder_ / "log").string(), errno);
  const char* const text = static_cast<const char*>(memory);
  // From the end: an entry that ends a line, and the last one of a stream, begins another one.
  std::size_t found = 0;
  std::array<bool, 2> begun{};  // by stream: something later belongs to it
  std::size_t start = size;
  while (start > 0) {
    const void* const before = ::memrchr(text, '\n', start - 1);
    const std::size_t from =
        before == nullptr ? 0
                          : static_cast<std::size_t>(static_cast<const char*>(before) - text) + 1;
    const auto entry = parse({text + from, start - from - 1});
    if (entry && (entry->ends_line || !begun[entry->error])) {
      if (found == lines) break;
      ++found;
    }
    if (entry) begun[entry->error] = true;
    start = from;
  }
  ::munmap(memory, size);
  if (::lseek(file_.get(), static_cast<off_t>(start), SEEK_SET) < 0)
    throw system_error("lseek", (folder_ / "log").string(), errno);
}

bool LogReader::read_more() {
  if (!open()) return false;
  buffer_.erase(0, used_);
  used_ = 0;
  const std::size_t had = buffer_.size();
  buffer_.resize(had + piece);
  ssize_t got = 0;
  do {
    got = ::read(file_.get(), buffer_.data() + had, piece);
  } while (got < 0 && errno == EINTR);
  buffer_.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got < 0) throw system_error("read", (folder_ / "log").string(), errno);
  return got > 0;
}

std::optional<LogEntry> LogReader::next() {
  for (;;) {
    const std::size_t end = buffer_.find('\n', used_);
    if (end == std::string::npos) {
      if (buffer_.size() - used_ > longest_line) used_ = buffer_.size();
      if (!read_more()) return std::nullopt;
      continue;
    }
    const std::string_view line = std::string_view(buffer_).substr(used_, end - used_);
    used_ = end + 1;
    if (auto entry = parse(line)) return entry;
  }
}

void LogReader::wait_for_more(std::chrono::milliseconds most) {
  if (!changes_) {
    changes_ = FileDescriptor(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!changes_) throw system_error("inotify_init1", "", errno);
    if (::inotify_add_watch(changes_.get(), folder_.c_str(),
                            IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF) < 0 &&
        errno != ENOENT) {
      throw system_error("inotify_add_watch", folder_.string(), errno);
    }
    return;  // what came before this is still to be read
  }
  pollfd waiting = {changes_.get(), POLLIN, 0};
  ::poll(&waiting, 1, static_cast<int>(most.count()));
  std::array<char, 4096> events{};
  while (::read(changes_.get(), events.data(), events.size()) > 0) continue;
}

}  // namespace slipway
