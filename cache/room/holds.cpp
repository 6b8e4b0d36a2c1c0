#include <cache/room/holds.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace slipway {
namespace {

int open_locks(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) throw system_error("open", file.string(), errno);
  return descriptor;
}

// The byte is chosen by the digest's first 62 bits: an offset has 63, and where two digests have
// one byte the one is only kept as long as the other.
struct flock byte_of(const Digest& thing, short type) {
  std::uint64_t place = 0;
  std::memcpy(&place, thing.bytes.data(), sizeof place);
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(place >> 2U);
  range.l_len = 1;
  return range;
}

}  // namespace

Holds::Holds(std::filesystem::path file) : file_(std::move(file)) {}

Holds::~Holds() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Holds::hold(const Digest& thing) {
  const std::lock_guard guard(mutex_);
  if (held_.contains(thing)) return;
  if (descriptor_ < 0) descriptor_ = open_locks(file_);
  struct flock range = byte_of(thing, F_RDLCK);
  // Owned by the open file and not by the process: what another store of this process holds, or
  // gives back, is another matter.
  while (::fcntl(descriptor_, F_OFD_SETLKW, &range) != 0) {
    if (errno != EINTR) throw system_error("fcntl(F_OFD_SETLKW)", file_.string(), errno);
  }
  held_.insert(thing);
}

void Holds::release() {
  const std::lock_guard guard(mutex_);
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  held_.clear();
}

std::optional<Removal> Removal::attempt(const std::filesystem::path& file, const Digest& thing) {
  Removal removal(open_locks(file));
  struct flock range = byte_of(thing, F_WRLCK);
  if (::fcntl(removal.descriptor_, F_OFD_SETLK, &range) == 0) return removal;
  if (errno == EAGAIN || errno == EACCES) return std::nullopt;
  throw system_error("fcntl(F_OFD_SETLK)", file.string(), errno);
}

Removal::~Removal() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace slipway
