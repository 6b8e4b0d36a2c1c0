#include <executor/files/copy_file.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace slipway {
namespace {

// What fits into a core's own cache beside the rest: four times as much was a third slower.
constexpr std::size_t buffer_size = std::size_t{128} << 10;
// Below this a clone's two system calls cost more than the bytes.
constexpr std::uint64_t worth_cloning = std::uint64_t{128} << 10;
constexpr std::uint64_t told_every = std::uint64_t{1} << 20;

ssize_t read_at(int descriptor, std::span<std::byte> buffer, std::uint64_t at) {
  for (;;) {
    const ssize_t got = ::pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (got >= 0 || errno != EINTR) return got;
  }
}

}  // namespace

FileCopier::FileCopier() : buffer_(std::make_unique_for_overwrite<std::byte[]>(buffer_size)) {}

std::optional<Digest> FileCopier::read(int descriptor, std::uint64_t size, std::string_view path) {
  hasher_.finish();  // of what a failed file left; starts anew
  if (clone(descriptor, size)) return hash_clone(size, path);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw system_error("fstat", path, errno);
  constexpr std::uint64_t block = 512;  // of st_blocks (stat(3type))
  const bool sparse = static_cast<std::uint64_t>(status.st_blocks) * block < size;
  if (!(sparse ? copy_sparse(descriptor, size, path) : copy_range(descriptor, 0, size, path)))
    return std::nullopt;
  // It may have grown.
  if (::fstat(descriptor, &status) != 0) throw system_error("fstat", path, errno);
  if (static_cast<std::uint64_t>(status.st_size) != size) return std::nullopt;
  return hasher_.finish();
}

bool FileCopier::clone(int from, std::uint64_t size) {
  if (!can_clone_ || size < worth_cloning) return false;
  if (::ioctl(target_.file, FICLONE, from) == 0) return true;
  // Other file systems, or ones that do not share blocks: the next file will not fare better.
  can_clone_ = false;
  return false;
}

std::optional<Digest> FileCopier::hash_clone(std::uint64_t size, std::string_view path) {
  struct stat status {};
  if (::fstat(target_.file, &status) != 0) throw system_error("fstat", target_.path, errno);
  if (static_cast<std::uint64_t>(status.st_size) != size) return std::nullopt;
  if (target_.progress) target_.progress(size);
  for (std::uint64_t at = 0; at < size;) {
    const ssize_t got = read_at(target_.file, {buffer_.get(), buffer_size}, at);
    if (got < 0) throw system_error("pread", path, errno);
    if (got == 0) return std::nullopt;
    const std::span<const std::byte> bytes(buffer_.get(), static_cast<std::size_t>(got));
    hasher_.update(bytes);
    if (target_.bytes != nullptr)
      target_.bytes->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    at += bytes.size();
    // All of it is there already; but the build may have been stopped.
    if (target_.progress && at % told_every == 0) target_.progress(size);
  }
  return hasher_.finish();
}

bool FileCopier::copy_range(int from, std::uint64_t begin, std::uint64_t end,
                            std::string_view path) {
  std::uint64_t told = begin;
  for (std::uint64_t at = begin; at < end;) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer_size, end - at));
    const ssize_t got = read_at(from, {buffer_.get(), wanted}, at);
    if (got < 0) throw system_error("pread", path, errno);
    if (got == 0) return false;
    const std::span<const std::byte> bytes(buffer_.get(), static_cast<std::size_t>(got));
    write_all(target_.file, bytes, target_.path);
    hasher_.update(bytes);
    if (target_.bytes != nullptr)
      target_.bytes->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    at += bytes.size();
    if (target_.progress && (at - told >= told_every || at == end)) {
      target_.progress(at);
      told = at;
    }
  }
  return true;
}

bool FileCopier::copy_sparse(int from, std::uint64_t size, std::string_view path) {
  // Before the bytes: whoever follows must not find an early end.
  if (::ftruncate(target_.file, static_cast<off_t>(size)) != 0)
    throw system_error("ftruncate", target_.path, errno);
  for (std::uint64_t at = 0; at < size;) {
    const off_t data = ::lseek(from, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno != ENXIO) throw system_error("lseek", path, errno);
    const std::uint64_t begin = data < 0 ? size : std::min(size, static_cast<std::uint64_t>(data));
    while (at < begin) {
      const std::uint64_t count = std::min(begin - at, 16 * told_every);
      hash_zeros(count);
      at += count;
      if (target_.progress) target_.progress(at);
    }
    if (at == size) break;
    const off_t hole = ::lseek(from, static_cast<off_t>(at), SEEK_HOLE);
    if (hole < 0 && errno == ENXIO) return false;  // it was cut
    if (hole < 0) throw system_error("lseek", path, errno);
    const std::uint64_t end = std::min(size, static_cast<std::uint64_t>(hole));
    if (::lseek(target_.file, static_cast<off_t>(at), SEEK_SET) < 0)
      throw system_error("lseek", target_.path, errno);
    if (!copy_range(from, at, end, path)) return false;
    at = end;
  }
  return true;
}

void FileCopier::hash_zeros(std::uint64_t count) {
  static constexpr std::array<std::byte, 65536> zeros{};
  while (count > 0) {
    const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(count, zeros.size()));
    hasher_.update(std::span(zeros.data(), now));
    if (target_.bytes != nullptr) target_.bytes->append(now, '\0');
    count -= now;
  }
}

}  // namespace slipway
