#include <executor/sandbox/root_tree.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <deque>
#include <new>
#include <utility>

namespace slipway {
namespace {

constexpr int most_links = 40;  // as the kernel has it

int open_beneath(int directory, const char* path, int flags, std::uint64_t resolve) {
  struct open_how how {};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof(how)));
}

// Without following any link: `path` is resolved already.
int open_resolved(int directory, const std::string& path) {
  return open_beneath(directory, path.c_str(), O_PATH | O_NOFOLLOW,
                      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

std::string read_link(const FileDescriptor& link) {
  std::array<char, PATH_MAX> text{};
  const ssize_t size = ::readlinkat(link.get(), "", text.data(), text.size());
  if (size < 0) throw system_error("readlinkat", "", errno);
  return std::string(text.data(), static_cast<std::size_t>(size));
}

// The names of a path, put before what `rest` has.
void prepend(std::string_view path, std::deque<std::string>& rest) {
  std::vector<std::string> names;
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    if (end > start) names.emplace_back(path.substr(start, end - start));
    start = end + 1;
  }
  rest.insert(rest.begin(), names.begin(), names.end());
}

bool is_below(const std::string& path, const std::string& directory) {
  return directory.empty() || path == directory ||
         (path.starts_with(directory) && path[directory.size()] == '/');
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

void remove_stub(const Stub& stub) {
  struct stat known {};
  if (::fstat(stub.file.get(), &known) != 0) return;
  if (S_ISREG(known.st_mode) ? known.st_size != 0 : !S_ISDIR(known.st_mode)) return;
  std::array<char, PATH_MAX> text{};
  const std::string self = "/proc/self/fd/" + std::to_string(stub.file.get());
  const ssize_t size = ::readlink(self.c_str(), text.data(), text.size());
  if (size <= 0) return;
  const std::string path(text.data(), static_cast<std::size_t>(size));
  const FileDescriptor parent(::open(parent_of(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat found {};
  const std::string name = name_of(path);
  if (!parent || ::fstatat(parent.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0 ||
      found.st_dev != known.st_dev || found.st_ino != known.st_ino) {
    return;
  }
  ::unlinkat(parent.get(), name.c_str(), S_ISDIR(known.st_mode) ? AT_REMOVEDIR : 0);
}

}  // namespace

void remove_stubs(std::vector<Stub> stubs) noexcept {
  try {
    while (!stubs.empty()) {
      remove_stub(stubs.back());
      stubs.pop_back();
    }
  } catch (const std::bad_alloc&) {
    // They stay: empty files in a layer, while the machine is out of memory.
  }
}

RootTree::RootTree(const FileDescriptor& root, const std::filesystem::path& upper) {
  FileDescriptor made(::open(upper.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!made) throw system_error("open", upper.string(), errno);
  mounts_.push_back({"", root.get(), std::move(made), -1});
}

RootTree::Inside RootTree::locate(const std::string& resolved) const {
  const Mounted* inner = &mounts_.front();
  for (const Mounted& mount : mounts_) {
    if (mount.path.size() >= inner->path.size() && is_below(resolved, mount.path)) inner = &mount;
  }
  std::string rest = resolved.substr(inner->path.size());
  if (rest.starts_with('/')) rest.erase(0, 1);
  return {inner, rest.empty() ? "." : rest};
}

void RootTree::make(const Inside& inside, Kind kind, bool to_stay) {
  const FileDescriptor parent(open_resolved(inside.mount->root, parent_of(inside.path)));
  if (!parent) throw system_error("openat2", inside.path, errno);
  const std::string name = name_of(inside.path);
  if (kind == Kind::directory) {
    // Twice, because the builder's umask takes its part of the first.
    if (::mkdirat(parent.get(), name.c_str(), 0755) != 0 ||
        ::fchmodat(parent.get(), name.c_str(), 0755, 0) != 0) {
      if (errno == EEXIST) return;  // in a cache, by a step beside this one
      throw system_error("mkdirat", inside.path, errno);
    }
  } else {
    const FileDescriptor file(::openat(parent.get(), name.c_str(),
                                       O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file && errno == EEXIST) return;
    if (!file) throw system_error("openat", inside.path, errno);
  }
  if (to_stay || !inside.mount->made) return;
  FileDescriptor there(open_resolved(inside.mount->made->get(), inside.path));
  if (!there) throw system_error("openat2", inside.path, errno);
  stubs_.push_back({std::move(there), kind == Kind::directory});
}

std::optional<RootTree::Place> RootTree::walk(std::string_view path, Kind kind, bool to_stay) {
  std::deque<std::string> rest;
  prepend(path, rest);
  std::string resolved;
  int links = 0;
  while (!rest.empty()) {
    const std::string name = std::move(rest.front());
    rest.pop_front();
    if (name == ".") continue;
    if (name == "..") {
      resolved.erase(parent_of(resolved) == "." ? 0 : resolved.rfind('/'));
      continue;
    }
    const std::string next = resolved.empty() ? name : resolved + "/" + name;
    const Inside inside = locate(next);
    if (inside.mount->root < 0) return std::nullopt;
    FileDescriptor here(open_resolved(inside.mount->root, inside.path));
    if (!here && errno == ENOENT) {
      make(inside, rest.empty() ? kind : Kind::directory, to_stay);
      here = FileDescriptor(open_resolved(inside.mount->root, inside.path));
    }
    if (!here) throw system_error("openat2", next, errno);
    struct stat status {};
    if (::fstat(here.get(), &status) != 0) throw system_error("fstat", next, errno);
    if (S_ISLNK(status.st_mode)) {
      if (++links > most_links) throw system_error("openat2", next, ELOOP);
      const std::string target = read_link(here);
      if (target.starts_with('/')) resolved.clear();
      prepend(target, rest);
      continue;
    }
    if (!rest.empty() && !S_ISDIR(status.st_mode)) throw system_error("openat2", next, ENOTDIR);
    resolved = next;
  }
  const Inside inside = locate(resolved);
  if (inside.mount->root < 0) return std::nullopt;
  FileDescriptor place(open_resolved(inside.mount->root, inside.path));
  struct stat status {};
  if (!place || ::fstat(place.get(), &status) != 0) {
    throw system_error("openat2", resolved, errno);
  }
  if (S_ISDIR(status.st_mode) != (kind == Kind::directory)) {
    throw Error(quoted(path) + (kind == Kind::directory ? " is not a directory in the image"
                                                        : " is a directory in the image"));
  }
  return Place{std::move(place), std::move(resolved), inside.mount->action, inside.path};
}

RootTree::Place RootTree::place_for(std::string_view path, Kind kind) {
  auto place = walk(path, kind, false);
  if (!place) {
    throw Error("cannot mount at " + quoted(path) + ": it is the kernel's, or a device's");
  }
  return std::move(*place);
}

RootTree::Place RootTree::place_for_kernel(const std::string& name) {
  const int root = mounts_.front().root;
  FileDescriptor here(open_resolved(root, name));
  if (!here && errno == ENOENT) {
    make({&mounts_.front(), name}, Kind::directory, false);
    here = FileDescriptor(open_resolved(root, name));
  }
  if (!here && errno == ELOOP) {
    throw Error("the image's /" + name + " is a symbolic link; it must be a directory");
  }
  if (!here) throw system_error("openat2", "/" + name, errno);
  struct stat status {};
  if (::fstat(here.get(), &status) != 0) throw system_error("fstat", "/" + name, errno);
  if (S_ISLNK(status.st_mode)) {
    throw Error("the image's /" + name + " is a symbolic link; it must be a directory");
  }
  if (!S_ISDIR(status.st_mode)) {
    throw Error("the image's /" + name + " is not a directory");
  }
  return {std::move(here), name, -1, {}};
}

void RootTree::make_directory(std::string_view path) {
  walk(path, Kind::directory, true);
}

void RootTree::add_mount(const Place& place, int root, std::optional<FileDescriptor> made,
                         int action) {
  mounts_.push_back({place.path, root, std::move(made), action});
}

std::optional<std::string> RootTree::read(std::string_view path, std::size_t limit) const {
  // Not blocking: a pipe in the image's place of a file must not hold the build.
  const FileDescriptor file(open_beneath(mounts_.front().root, std::string(path).c_str(),
                                         O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_IN_ROOT));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  if (static_cast<std::uint64_t>(status.st_size) > limit) {
    throw Error("the image's " + quoted(path) + " is larger than " + std::to_string(limit >> 20) +
                " MiB");
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t used = 0;
  while (used < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", path, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

}  // namespace slipway
