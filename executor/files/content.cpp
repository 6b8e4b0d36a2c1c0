#include <executor/files/content.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>

namespace slipway {
namespace {

constexpr std::size_t buffer_size = std::size_t{128} << 10;
constexpr std::uint64_t asked_every = std::uint64_t{4} << 20;

}  // namespace

const Digest& empty_content() {
  static const Digest digest = sha256("");
  return digest;
}

FileDescriptor open_regular_beneath(int root, std::string_view path) {
  open_how how{};
  how.flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const std::string name(path);
  FileDescriptor file(
      static_cast<int>(::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how)));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return {};
  if (S_ISREG(status.st_mode)) return file;
  file = {};
  errno = EINVAL;
  return {};
}

FileHasher::FileHasher(std::function<void()> going_on)
    : going_on_(std::move(going_on)),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(buffer_size)) {}

std::optional<Digest> FileHasher::read(int descriptor, std::uint64_t size, std::string_view path) {
  hasher_.finish();  // of what a file left that was not read to its end; starts anew
  std::uint64_t left = size;
  std::uint64_t asked = left;
  while (left > 0) {
    const ssize_t got = ::read(descriptor, buffer_.get(), buffer_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", path, errno);
    const auto count = static_cast<std::uint64_t>(got);
    if (count == 0 || count > left) return std::nullopt;
    hasher_.update(std::span(buffer_.get(), static_cast<std::size_t>(count)));
    left -= count;
    if (going_on_ && asked - left >= asked_every) {
      going_on_();
      asked = left;
    }
  }
  return hasher_.finish();
}

std::size_t worthwhile_threads(std::size_t files, std::uint64_t bytes, std::size_t most) {
  // A thread costs about as much as these many bytes or files.
  const std::uint64_t worth = std::max<std::uint64_t>(bytes >> 18, files / 16);
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  return static_cast<std::size_t>(std::min<std::uint64_t>({worth, files, cores, most}));
}

std::thread start_helper(std::function<void()> work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error&) {
    return {};  // the limit of the user or the container: no reason to fail, only to be slower
  }
}

}  // namespace slipway
