#include <cache/first_of_name.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace slipway {
namespace {

// Removed at the end of its scope, however that comes.
class Aside {
 public:
  explicit Aside(const std::filesystem::path& path)
      : path_(path),
        file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (!file_) throw system_error("open", path.string(), errno);
  }
  Aside(const Aside&) = delete;
  ~Aside() { ::unlink(path_.c_str()); }

  int file() const { return file_.get(); }

 private:
  const std::filesystem::path& path_;
  const FileDescriptor file_;
};

}  // namespace

void write_first_of_name(const std::filesystem::path& path, const std::filesystem::path& aside,
                         std::string_view bytes) {
  const Aside made(aside);
  write_all(made.file(), bytes, aside.string());
  // What refers to it must not be there after a power failure when it is not.
  if (::fsync(made.file()) != 0) throw system_error("fsync", aside.string(), errno);
  if (::link(aside.c_str(), path.c_str()) != 0 && errno != EEXIST)
    throw system_error("link", path.string(), errno);
}

}  // namespace slipway
