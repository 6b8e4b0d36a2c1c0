#include <executor/containers/copy.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/decompress.hpp>
#include <cache/layers/tar_reader.hpp>
#include <cache/layers/tar_writer.hpp>
#include <executor/containers/copied_tree.hpp>
#include <executor/files/copy_content.hpp>
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
#include <optional>
#include <span>
#include <utility>

namespace slipway {
namespace {

constexpr int most_links = 40;  // as the kernel has it

// One side of a copy: this machine, or a container's root.
class Side {
 public:
  Side() = default;
  Side(const ContainerTree& container, const CopyRequest& request)
      : root_(container.root().get()), name_(request.container) {}
  bool in_container() const { return root_ != AT_FDCWD; }

  // Of a path that cannot be opened.
  Error error(const std::string& path, int number) const {
    if (number != ENOENT) return system_error("open", path, number);
    std::string text = "could not find " + quoted(path);
    if (in_container()) text += " in the container";
    if (!name_.empty()) text += " " + quoted(name_);
    return Error(text);
  }

  // A directory as a process there finds it. Empty: errno says why not.
  FileDescriptor directory(const std::string& path) const {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    if (in_container()) how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const std::string name = path.empty() ? (in_container() ? "/" : ".") : path;
    return FileDescriptor(
        static_cast<int>(::syscall(SYS_openat2, root_, name.c_str(), &how, sizeof how)));
  }

 private:
  int root_ = AT_FDCWD;
  std::string name_;
};

// A name in a directory, and what is there.
struct Place {
  FileDescriptor parent;
  std::string name;                   // ".": the directory itself
  std::optional<struct stat> status;  // empty: nothing

  bool is_directory() const { return status && S_ISDIR(status->st_mode); }
};

bool names_a_directory(std::string_view name) {
  return name.empty() || name == "." || name == "..";
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// "" for a lone name.
std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, std::max<std::size_t>(slash, 1));
}

std::string last_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string read_link(int directory, const std::string& name, const std::string& path) {
  std::array<char, PATH_MAX> text{};
  const ssize_t size = ::readlinkat(directory, name.c_str(), text.data(), text.size());
  if (size < 0) throw system_error("readlinkat", path, errno);
  return {text.data(), static_cast<std::size_t>(size)};
}

// `follow`: of a last name that is a link, what that leads to. Throws Error where the directory is
// not there.
Place find(const Side& side, const std::string& path, bool follow) {
  std::string at = without_slashes(path);
  for (int links = 0; links <= most_links; ++links) {
    Place place;
    place.name = last_name(at);
    if (names_a_directory(place.name)) {
      place.name = ".";
      place.parent = side.directory(at);
    } else {
      place.parent = side.directory(directory_of(at));
    }
    if (!place.parent) throw side.error(path, errno);
    struct stat status {};
    if (::fstatat(place.parent.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) throw system_error("fstatat", path, errno);
      return place;
    }
    place.status = status;
    if (!follow || !S_ISLNK(status.st_mode)) return place;
    const std::string target = read_link(place.parent.get(), place.name, path);
    at = without_slashes(target.starts_with('/') || directory_of(at).empty()
                             ? target
                             : directory_of(at) + "/" + target);
  }
  throw system_error("open", path, ELOOP);
}

struct Source {
  Place place;
  std::string base;       // what it is called at its destination
  bool contents = false;  // of a directory: what it holds
};

Source find_source(const Side& side, const CopyRequest& request) {
  const std::string& path = request.source;
  const std::string name = last_name(path);
  const bool directory = names_a_directory(name);
  Source source;
  source.place = find(side, path, request.follow || directory);
  if (!source.place.status) throw side.error(path, ENOENT);
  if (directory && !source.place.is_directory()) throw system_error("open", path, ENOTDIR);
  source.base = last_name(without_slashes(path));
  source.contents = names_a_directory(source.base);
  if (S_ISSOCK(source.place.status->st_mode) || S_ISCHR(source.place.status->st_mode) ||
      S_ISBLK(source.place.status->st_mode))
    throw Error(quoted(path) + " is a device or a socket, which cannot be copied");
  return source;
}

// Where the source's own entry goes: beneath an open directory, "" is that itself.
struct Target {
  FileDescriptor directory;
  std::string path;
};

Target find_target(const Side& side, const std::string& path, const Source& source) {
  const bool must_be_directory = names_a_directory(last_name(path));
  Place place = find(side, path, true);
  const bool copies_directory = source.place.is_directory();
  if (place.is_directory()) {
    FileDescriptor directory =
        place.name == "." ? std::move(place.parent)
                          : open_beneath(place.parent.get(), place.name, O_PATH | O_DIRECTORY);
    return {std::move(directory), copies_directory && source.contents ? "" : source.base};
  }
  if (place.status && !S_ISREG(place.status->st_mode))
    throw Error(quoted(path) + " is a device, a pipe or a socket, and is not overwritten");
  if (place.status && (copies_directory || must_be_directory))
    throw Error("cannot copy to " + quoted(path) + ": it is no directory");
  if (!place.status && !copies_directory && must_be_directory)
    throw Error("there is no directory " + quoted(path))
        .hint("without the slash at its end it would be the name of the file");
  return {std::move(place.parent), std::move(place.name)};
}

std::string joined(const std::string& top, const std::string& path) {
  return top.empty() || path.empty() ? top + path : top + "/" + path;
}

Entry placed(Entry entry, const std::string& top) {
  if (!entry.hard_link.empty()) entry.hard_link = joined(top, entry.hard_link);
  entry.path = joined(top, entry.path);
  return entry;
}

CopiedFiles copy_files(const Side& from, const Side& to, const CopyRequest& request) {
  const Source source = find_source(from, request);
  const Target target = find_target(to, request.destination, source);
  FilesWriter writer(
      [&target](const std::string& path) {
        return open_beneath(target.directory.get(), path, O_PATH | O_DIRECTORY);
      },
      {.in_container = to.in_container(), .archive = request.archive});
  struct stat status {};
  if (::fstat(target.directory.get(), &status) != 0)
    throw system_error("fstat", request.destination, errno);
  walk_files(source.place.parent.get(), source.place.name, {status.st_dev, status.st_ino},
             [&](const Entry& entry, const FileDescriptor& content) {
               writer.add(placed(entry, target.path), [&](int file) {
                 copy_content(content.get(), file, entry.size, entry.path);
               });
             });
  return writer.finish();
}

// Exactly as many bytes as the tar's header says: what the file has lost is zeros.
void write_content(TarWriter& tar, const Entry& entry, int file) {
  std::vector<std::byte> buffer(std::size_t{128} << 10);
  for (std::uint64_t left = entry.size; left > 0;) {
    const std::span<std::byte> wanted(
        buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left)));
    ssize_t got = ::read(file, wanted.data(), wanted.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", entry.path, errno);
    if (got == 0) {
      std::fill(wanted.begin(), wanted.end(), std::byte{0});
      got = static_cast<ssize_t>(wanted.size());
    }
    tar.write(wanted.first(static_cast<std::size_t>(got)));
    left -= static_cast<std::uint64_t>(got);
  }
}

}  // namespace

CopiedFiles copy_out(const ContainerTree& container, const CopyRequest& request) {
  return copy_files(Side(container, request), Side(), request);
}

CopiedFiles copy_in(const ContainerTree& container, const CopyRequest& request) {
  return copy_files(Side(), Side(container, request), request);
}

CopiedFiles copy_out(const ContainerTree& container, const CopyRequest& request,
                     const ByteSink& sink) {
  const Source source = find_source(Side(container, request), request);
  const std::string top = source.contents ? "" : source.base;
  CopiedFiles copied;
  TarWriter tar(sink, TarWriter::Kind::plain);
  walk_files(source.place.parent.get(), source.place.name, {},
             [&](const Entry& entry, const FileDescriptor& content) {
               tar.add(placed(entry, top));
               if (!content) return;
               write_content(tar, entry, content.get());
               copied.bytes += entry.size;
             });
  tar.finish();
  return copied;
}

CopiedFiles copy_in(const ContainerTree& container, const CopyRequest& request,
                    ByteSource& source) {
  const Side side(container, request);
  if (!find(side, request.destination, true).is_directory())
    throw Error(quoted(request.destination) + " is no directory of the container")
        .hint("a tar is unpacked into a directory that is there");
  const std::unique_ptr<ByteSource> plain = open_decompressed(source);
  TarReader tar(*plain, ExtractLimits{});
  FilesWriter writer(
      [&](const std::string& path) {
        FileDescriptor directory = side.directory(request.destination + "/" + path);
        if (!directory) throw system_error("open", path, errno);
        return directory;
      },
      {.in_container = true, .archive = true});
  while (auto found = tar.next()) {
    Entry& entry = found->entry;
    if (entry.path.empty()) continue;  // the directory itself
    if (!side.directory(request.destination + "/" + std::string(parent_path(entry.path))))
      writer.make_directories(parent_path(entry.path));
    writer.add(entry, [&](int file) {
      std::vector<std::byte> buffer(std::size_t{128} << 10);
      while (const std::size_t got = tar.read(buffer))
        write_all(file, std::span<const std::byte>(buffer.data(), got), entry.path);
    });
  }
  return writer.finish();
}

}  // namespace slipway
