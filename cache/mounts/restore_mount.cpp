// Writing a tree that nobody vouches for. Its document was decoded, so each entry lies in a
// directory that came before it: every name on the way is one that was made here, and none is a
// link.
#include <cache/mounts/import_mount.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/make_entry.hpp>
#include <cache/layers/recorded_ids.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipway {
namespace {

constexpr std::size_t piece_size = std::size_t{256} << 10;

void check(int result, std::string_view call, std::string_view path) {
  if (result != 0) throw system_error(call, path, errno);
}

void set_times(int file, const MountEntry& mount) {
  const timespec time{.tv_sec = mount.entry.mtime, .tv_nsec = mount.nanoseconds};
  const timespec times[2] = {time, time};
  check(::futimens(file, times), "futimens", mount.entry.path);
}

class Restorer {
 public:
  Restorer(int root, const std::function<void(std::uint64_t, std::span<std::byte>)>& read,
           const std::function<bool()>& cancelled)
      : root_(root), parents_(root), read_(read), cancelled_(cancelled) {}

  void run(const std::vector<MountEntry>& entries) {
    for (const MountEntry& mount : entries) {
      if (cancelled_ && cancelled_()) throw Error("importing the cache mount was interrupted");
      add(mount);
    }
    // Last, and those below before those above: each new name changes its directory's time, and a
    // mode may shut us out.
    for (auto mount = entries.rbegin(); mount != entries.rend(); ++mount) {
      if (mount->entry.type != Entry::Type::directory) continue;
      const FileDescriptor directory =
          open_beneath(root_, mount->entry.path, O_RDONLY | O_DIRECTORY);
      set_metadata(directory.get(), mount->entry);
      set_times(directory.get(), *mount);
    }
  }

 private:
  void add(const MountEntry& mount) {
    const Entry& entry = mount.entry;
    if (entry.path.empty()) return;  // it is there
    const std::string name(base_name(entry.path));
    if (!entry.hard_link.empty()) return add_link(entry, name);
    const int directory = parents_.directory(parent_path(entry.path));
    switch (entry.type) {
      case Entry::Type::directory:
        return check(::mkdirat(directory, name.c_str(), 0700), "mkdirat", entry.path);
      case Entry::Type::file:
        return add_file(directory, name, mount);
      default:
        return add_node(directory, name, mount);
    }
  }

  void add_link(const Entry& entry, const std::string& name) {
    // Two directories at once, so not both from the cache.
    const FileDescriptor source =
        open_beneath(root_, parent_path(entry.hard_link), O_PATH | O_DIRECTORY);
    const std::string from(base_name(entry.hard_link));
    check(::linkat(source.get(), from.c_str(), parents_.directory(parent_path(entry.path)),
                   name.c_str(), 0),
          "linkat", entry.path);
  }

  void add_file(int directory, const std::string& name, const MountEntry& mount) {
    const Entry& entry = mount.entry;
    const FileDescriptor file(::openat(directory, name.c_str(),
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) throw system_error("openat", entry.path, errno);
    std::uint64_t position = mount.position;
    for (const DataRange& range : mount.data) {
      check(::lseek(file.get(), static_cast<off_t>(range.offset), SEEK_SET) < 0 ? -1 : 0, "lseek",
            entry.path);
      for (std::uint64_t left = range.length; left > 0;) {
        const auto piece = std::span(buffer_).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size())));
        read_(position, piece);
        write_all(file.get(), piece, entry.path);
        position += piece.size();
        left -= piece.size();
      }
    }
    const bool ends_in_hole =
        mount.data.empty() ? entry.size > 0
                           : mount.data.back().offset + mount.data.back().length < entry.size;
    if (ends_in_hole)
      check(::ftruncate(file.get(), static_cast<off_t>(entry.size)), "ftruncate", entry.path);
    set_metadata(file.get(), entry);
    set_times(file.get(), mount);
  }

  // A symlink or a pipe.
  static void add_node(int directory, const std::string& name, const MountEntry& mount) {
    const Entry& entry = mount.entry;
    const bool symlink = entry.type == Entry::Type::symlink;
    check(make_node(directory, name.c_str(), entry), symlink ? "symlinkat" : "mknodat", entry.path);
    if (give_owner(directory, name.c_str(), entry.uid, entry.gid) != 0)
      throw owner_error(entry.path, entry.uid, entry.gid, errno);
    // A node we just made in a tree nobody else writes to: it is no link.
    if (!symlink) check(::fchmodat(directory, name.c_str(), entry.mode, 0), "fchmodat", entry.path);
    const timespec time{.tv_sec = entry.mtime, .tv_nsec = mount.nanoseconds};
    const timespec times[2] = {time, time};
    check(::utimensat(directory, name.c_str(), times, AT_SYMLINK_NOFOLLOW), "utimensat",
          entry.path);
  }

  int root_;
  ParentCache parents_;
  const std::function<void(std::uint64_t, std::span<std::byte>)>& read_;
  const std::function<bool()>& cancelled_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(piece_size);
};

}  // namespace

void restore_mount(const std::filesystem::path& directory, const std::vector<MountEntry>& entries,
                   const std::function<void(std::uint64_t, std::span<std::byte>)>& read,
                   const std::function<bool()>& cancelled) {
  const FileDescriptor root = open_root(directory);
  Restorer(root.get(), read, cancelled).run(entries);
}

}  // namespace slipway
