#include <cache/secret_key.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/first_of_name.hpp>
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

std::string random_bytes() {
  std::string bytes(key_size, '\0');
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw system_error("getrandom", "", errno);
  return bytes;
}

}  // namespace

SecretKey::SecretKey(StateDirectory& state) {
  const fs::path path = state.root() / "secret.key";
  const auto open = [&] {
    return FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  };
  FileDescriptor file = open();
  if (!file && errno == ENOENT) {
    write_first_of_name(path, state.fresh_work_path(), random_bytes());
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
