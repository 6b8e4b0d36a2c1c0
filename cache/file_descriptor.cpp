#include <cache/file_descriptor.hpp>

#include <ir/error.hpp>

#include <cerrno>

namespace slipway {

void write_all(int descriptor, std::span<const std::byte> bytes, std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw system_error("write", path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void write_all(int descriptor, std::string_view text, std::string_view path) {
  write_all(descriptor, std::as_bytes(std::span(text)), path);
}

}  // namespace slipway
