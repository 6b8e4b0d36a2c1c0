#include <cache/registry/docker_config.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest = std::size_t{4} << 20;

// Removed at the end of the scope, unless it has become the file.
struct Aside {
  std::string path;
  ~Aside() {
    if (!path.empty()) ::unlink(path.c_str());
  }
};

}  // namespace

std::optional<DockerConfig> DockerConfig::find() {
  if (const char* folder = std::getenv("DOCKER_CONFIG"); folder != nullptr && *folder != '\0')
    return DockerConfig(fs::path(folder) / "config.json");
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return DockerConfig(fs::path(home) / ".docker" / "config.json");
  return std::nullopt;
}

DockerConfig DockerConfig::get() {
  if (auto found = find()) return std::move(*found);
  throw Error("there is no place for a login: neither HOME nor DOCKER_CONFIG is set");
}

bool DockerConfig::readable() const {
  return ::access(file_.c_str(), R_OK) == 0;
}

std::optional<std::string> DockerConfig::read() const {
  const FileDescriptor file(::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw system_error("open", file_.string(), errno);
  }
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", file_.string(), errno);
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > longest)
      throw Error(quoted(file_.string()) + " is larger than " + std::to_string(longest) + " bytes");
  }
}

DockerConfig::Lock DockerConfig::lock() const {
  const fs::path folder = file_.parent_path();
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("mkdir", folder.string(), errno);
  FileDescriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) throw system_error("open", folder.string(), errno);
  while (::flock(descriptor.get(), LOCK_EX) != 0)
    if (errno != EINTR) throw system_error("flock", folder.string(), errno);
  return Lock(std::move(descriptor));
}

void DockerConfig::replace(const std::string& text) const {
  // People keep it among files of theirs, and a link here.
  std::error_code error;
  fs::path target = fs::canonical(file_, error);
  if (error) target = file_;
  Aside aside{.path = target.string() + ".XXXXXX"};
  const FileDescriptor file(::mkostemp(aside.path.data(), O_CLOEXEC));  // mode 0600
  if (!file) {
    const int reason = errno;
    throw system_error("mkostemp", std::exchange(aside.path, {}), reason);
  }
  struct stat before {};
  if (::stat(target.c_str(), &before) == 0 &&
      (before.st_uid != ::geteuid() || before.st_gid != ::getegid()) &&
      ::fchown(file.get(), before.st_uid, before.st_gid) != 0)
    throw system_error("fchown", aside.path, errno);
  write_all(file.get(), text, aside.path);
  if (::fsync(file.get()) != 0) throw system_error("fsync", aside.path, errno);
  if (::rename(aside.path.c_str(), target.c_str()) != 0)
    throw system_error("rename", target.string(), errno);
  aside.path.clear();
}

}  // namespace slipway
