#include <cache/registry/http_body.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <variant>

namespace slipway {

HttpBodyReader::HttpBodyReader(const HttpUpload& upload) : upload_(upload) {
  if (const auto* bytes = std::get_if<std::string>(&upload.body)) {
    size_ = bytes->size();
    return;
  }
  const auto& part = std::get<FilePiece>(upload.body);
  file_ = FileDescriptor(::open(part.path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file_) throw system_error("open", part.path.string(), errno);
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) throw system_error("fstat", part.path.string(), errno);
  const auto length = static_cast<std::uint64_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || part.offset > length || part.size > length - part.offset)
    throw Error(quoted(part.path.string()) + " does not have the bytes that are to be sent");
  size_ = part.size;
}

std::size_t HttpBodyReader::read(std::span<char> buffer) {
  const std::size_t wanted =
      static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_ - at_));
  if (wanted == 0) return 0;
  if (!file_) {
    std::memcpy(buffer.data(), std::get<std::string>(upload_.body).data() + at_, wanted);
    at_ += wanted;
    return wanted;
  }
  const auto& part = std::get<FilePiece>(upload_.body);
  ssize_t got = 0;
  do {
    got = ::pread(file_.get(), buffer.data(), wanted, static_cast<off_t>(part.offset + at_));
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw system_error("pread", part.path.string(), errno);
  if (got == 0) throw Error(quoted(part.path.string()) + " became shorter while it was sent");
  at_ += static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

}  // namespace slipway
