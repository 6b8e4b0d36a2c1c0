#include <cache/archive/members.hpp>

#include <cache/archive/tar_members.hpp>
#include <cache/file_descriptor.hpp>
#include <cache/layers/beneath.hpp>
#include <cache/layers/decompress.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

namespace slipway {
namespace {

class DirectoryMembers : public ArchiveMembers {
 public:
  explicit DirectoryMembers(FileDescriptor root) : root_(std::move(root)) {}

  bool has(std::string_view name) const override {
    try {
      return regular(name).get() >= 0;
    } catch (const Error&) {
      return false;  // missing, a link, a directory: no member
    }
  }
  std::unique_ptr<ByteSource> open(std::string_view name) const override {
    return std::make_unique<DescriptorSource>(regular(name));
  }

 private:
  FileDescriptor regular(std::string_view name) const {
    // Non-blocking, so that a pipe of that name cannot hold us up.
    FileDescriptor file = open_beneath(root_.get(), name, O_RDONLY | O_NONBLOCK);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) throw system_error("fstat", name, errno);
    if (!S_ISREG(status.st_mode)) throw Error(quoted(name) + " is no regular file");
    return file;
  }

  FileDescriptor root_;
};

// As decompress.hpp tells them.
bool looks_compressed(int file) {
  std::array<unsigned char, 6> head{};
  const ssize_t got = ::pread(file, head.data(), head.size(), 0);
  const std::string_view text(reinterpret_cast<const char*>(head.data()),
                              got > 0 ? static_cast<std::size_t>(got) : 0);
  return text.starts_with("\x1f\x8b") || text.starts_with("\x28\xb5\x2f\xfd") ||
         text.starts_with("BZh") || text.starts_with("\xfd" "7zXZ");
}

FileDescriptor spool(FileDescriptor input, StateDirectory& state) {
  const std::filesystem::path path = state.fresh_work_path();
  FileDescriptor output(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!output) throw system_error("open", path.native(), errno);
  ::unlink(path.c_str());  // gone with its descriptor, whatever happens
  DescriptorSource source(std::move(input));
  const std::unique_ptr<ByteSource> plain = open_decompressed(source);
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t got = plain->read(buffer))
    write_all(output.get(), std::span(buffer).first(got), path.native());
  return output;
}

}  // namespace

std::string ArchiveMembers::read(std::string_view name, std::uint64_t limit) const {
  const std::unique_ptr<ByteSource> source = open(name);
  std::string bytes;
  std::vector<std::byte> buffer(std::size_t{64} << 10);
  while (const std::size_t got = source->read(buffer)) {
    bytes.append(reinterpret_cast<const char*>(buffer.data()), got);
    if (bytes.size() > limit) {
      throw Error("the archive's " + quoted(name) + " is larger than " + std::to_string(limit) +
                  " bytes");
    }
  }
  return bytes;
}

std::unique_ptr<ArchiveMembers> open_members(const std::filesystem::path& path,
                                             StateDirectory& state) {
  FileDescriptor file(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                  : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw system_error("open", path.native(), errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw system_error("fstat", path.native(), errno);
  if (S_ISDIR(status.st_mode)) return std::make_unique<DirectoryMembers>(std::move(file));
  if (!S_ISREG(status.st_mode) || ::lseek(file.get(), 0, SEEK_CUR) != 0 ||
      looks_compressed(file.get())) {
    file = spool(std::move(file), state);
  }
  return open_tar_members(std::move(file));
}

}  // namespace slipway
