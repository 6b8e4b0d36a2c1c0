#include <cache/replace_file.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>
#include <string>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr int most_links = 40;  // as the kernel's

// Gone unless it was renamed.
struct Aside {
  std::string path;
  explicit Aside(std::string p) : path(std::move(p)) {}
  Aside(const Aside&) = delete;
  ~Aside() {
    if (!path.empty()) ::unlink(path.c_str());
  }
};

}  // namespace

fs::path without_links(const fs::path& path) {
  fs::path target = path;
  std::error_code none;
  for (int links = 0; fs::is_symlink(target, none); ++links) {
    if (links == most_links) throw system_error("open", path.string(), ELOOP);
    const fs::path leads_to = fs::read_symlink(target, none);
    if (none) throw system_error("readlink", target.string(), none.value());
    target = target.parent_path() / leads_to;
  }
  return target;
}

void replace_file(const fs::path& path, std::string_view text) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    const FileDescriptor device(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!device) throw system_error("write", path.string(), errno);
    write_all(device.get(), text, path.string());
    return;
  }
  const fs::path target = without_links(path);
  // A name that nobody can have prepared: the folder may be one that others write to.
  std::random_device random;
  Aside aside(target.string() + ".slipway-" + std::to_string(random()));
  FileDescriptor file(::open(aside.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file) {
    const int error = errno;
    aside.path.clear();
    throw system_error("write", path.string(), error);
  }
  write_all(file.get(), text, path.string());
  if (::close(file.release()) != 0 || std::rename(aside.path.c_str(), target.c_str()) != 0)
    throw system_error("write", path.string(), errno);
  aside.path.clear();
}

}  // namespace slipway
