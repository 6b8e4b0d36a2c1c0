#include <executor/solve/key_lock.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace slipway {

std::optional<KeyLock> KeyLock::attempt(const std::filesystem::path& file, const Digest& key) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) throw system_error("open", file.string(), errno);
  KeyLock lock(descriptor);

  // The byte is chosen by the key's first 62 bits: an offset has 63, and a collision of two keys
  // would only make one wait for the other.
  std::uint64_t place = 0;
  std::memcpy(&place, key.bytes.data(), sizeof place);
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(place >> 2U);
  range.l_len = 1;
  // Owned by the open file and not by the process: two solves of one process exclude each other.
  if (::fcntl(descriptor, F_OFD_SETLK, &range) == 0) return lock;
  if (errno == EAGAIN || errno == EACCES) return std::nullopt;
  throw system_error("fcntl(F_OFD_SETLK)", file.string(), errno);
}

KeyLock::~KeyLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace slipway
