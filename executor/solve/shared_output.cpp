#include <executor/solve/shared_output.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

// Of one step, on the disk of the store.
constexpr std::size_t most_output = std::size_t{1} << 20;
constexpr std::string_view cut_off = "(the rest is shown by the process that runs the step)\n";
constexpr std::chrono::milliseconds between_looks{100};

struct PieceHeader {
  std::uint32_t stream = 0;  // 0: standard output, 1: standard error
  std::uint32_t size = 0;    // bytes of the text that follows
};

void append(std::string& bytes, OutputStream stream, std::string_view text) {
  const PieceHeader header{stream == OutputStream::err ? 1U : 0U,
                           static_cast<std::uint32_t>(text.size())};
  bytes.append(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += text;
}

}  // namespace

std::string shared_output_name(const Digest& key) {
  return "output-" + key.hex();
}

void SharedOutput::write(OutputStream stream, std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (ended_ || taken_ >= most_output || text.empty()) return;
  const std::string_view taken = text.substr(0, most_output - taken_);
  taken_ += taken.size();
  append(unwritten_, stream, taken);
  if (taken_ >= most_output) append(unwritten_, OutputStream::err, cut_off);
  flush();
}

void SharedOutput::publish(fs::path file) {
  const std::lock_guard lock(mutex_);
  file_ = std::move(file);
  flush();
}

void SharedOutput::end() {
  const std::lock_guard lock(mutex_);
  if (descriptor_) ::unlink(file_.c_str());
  descriptor_ = {};
  unwritten_ = {};
  ended_ = true;
}

void SharedOutput::flush() {
  if (file_.empty() || unwritten_.empty() || ended_) return;
  if (!descriptor_)
    descriptor_ = FileDescriptor(::open(
        file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  ssize_t written = -1;
  do {
    written = ::write(descriptor_.get(), unwritten_.data(), unwritten_.size());
  } while (written < 0 && errno == EINTR);
  const bool whole = written == static_cast<ssize_t>(unwritten_.size());
  unwritten_.clear();
  // Half a piece would make nonsense of the next one.
  if (!whole) taken_ = most_output;
}

void SharedOutputReader::find() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_look_) return;
  next_look_ = now + between_looks;
  std::error_code none;
  for (fs::directory_iterator folder(work_, none), end; folder != end; folder.increment(none)) {
    const fs::path file = folder->path() / name_;
    descriptor_ = FileDescriptor(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (descriptor_) return;
  }
}

void SharedOutputReader::read(const std::function<void(OutputStream, std::string_view)>& show) {
  if (!descriptor_) find();
  if (!descriptor_) return;
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = ::read(descriptor_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    unread_.append(buffer.data(), static_cast<std::size_t>(got));
  }
  std::string_view rest = unread_;
  PieceHeader header;
  while (rest.size() >= sizeof header) {
    std::memcpy(&header, rest.data(), sizeof header);
    if (rest.size() - sizeof header < header.size) break;
    show(header.stream == 0 ? OutputStream::out : OutputStream::err,
         rest.substr(sizeof header, header.size));
    rest.remove_prefix(sizeof header + header.size);
  }
  unread_.erase(0, unread_.size() - rest.size());
}

}  // namespace slipway
