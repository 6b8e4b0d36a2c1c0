#include <cache/secret_key.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_size = 32;

// Whole under its name or not at all: made aside, and linked, which never takes another's place.
void make_key(const fs::path& path, const fs::path& aside) {
  std::string bytes(key_size, '\0');
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw system_error("getrandom", "", errno);
  const FileDescriptor file(
      ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) throw system_error("open", aside.string(), errno);
  write_all(file.get(), bytes, aside.string());
  // Records will be found by it: it must not be gone after a power failure when they are not.
  if (::fsync(file.get()) != 0) throw system_error("fsync", aside.string(), errno);
  const int result = ::link(aside.c_str(), path.c_str());
  const int error = errno;
  ::unlink(aside.c_str());
  if (result != 0 && error != EEXIST) throw system_error("link", path.string(), error);
}

}  // namespace

SecretKey::SecretKey(StateDirectory& state) {
  const fs::path path = state.root() / "secret.key";
  const auto open = [&] {
    return FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  };
  FileDescriptor file = open();
  if (!file && errno == ENOENT) {
    const fs::path aside = state.fresh_work_path();
    make_key(path, aside);
    file = open();
  }
  if (!file) throw system_error("open", path.string(), errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw system_error("fstat", path.string(), errno);
  bytes_.resize(key_size + 1);
  const ssize_t got = ::read(file.get(), bytes_.data(), bytes_.size());
  if (got < 0) throw system_error("read", path.string(), errno);
  if (!S_ISREG(status.st_mode) || got != static_cast<ssize_t>(key_size)) {
    throw Error(quoted(path.string()) + " is no key: it is not a file of 32 bytes")
        .hint("remove it; steps with secrets that are cache=keyed will run once more");
  }
  if ((status.st_mode & 077) != 0 || status.st_uid != ::geteuid()) {
    throw Error(quoted(path.string()) + " is not for its owner only")
        .hint("remove it, because others may have read it; a new one is made");
  }
  bytes_.resize(key_size);
}

Digest SecretKey::digest(std::string_view name, std::string_view bytes) const {
  return hmac_sha256(bytes_,
                     std::to_string(name.size()) + ":" + std::string(name) + std::string(bytes));
}

}  // namespace slipway
