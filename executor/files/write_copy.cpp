// The second step of COPY, ADD and WORKDIR: from a plan to a layer on disk.
//
// Each source byte is read once: written and hashed out of the same buffer, for the content, the
// layer's tar and its index. copy_file_range would read it a second time; only a clone, which costs
// nothing, is tried before.
#include <executor/files/copy.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/extract.hpp>
#include <executor/files/content.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

namespace slipway {
namespace {

using Type = Entry::Type;

// Below this a clone's two system calls cost more than the bytes.
constexpr std::uint64_t worth_cloning = std::uint64_t{128} << 10;

void check(int result, std::string_view call, std::string_view path) {
  if (result != 0) throw system_error(call, path, errno);
}

Error changed(const std::string& source, const SourceTree& tree) {
  return Error(quoted(source) + " of the " + tree.name() + " changed while the build ran")
      .hint("build again");
}

// Owner before mode and xattrs: a change of owner takes set-user-ID and capabilities away.
void set_metadata(int file, const Entry& entry) {
  check(::fchown(file, entry.uid, entry.gid), "fchown", entry.path);
  check(::fchmod(file, entry.mode), "fchmod", entry.path);
  for (const auto& [name, value] : entry.xattrs)
    check(::fsetxattr(file, name.c_str(), value.data(), value.size(), 0), "fsetxattr", entry.path);
}

void set_times(int file, const Entry& entry) {
  const timespec time{.tv_sec = entry.mtime, .tv_nsec = 0};
  const timespec times[2] = {time, time};
  check(::futimens(file, times), "futimens", entry.path);
}

// Hands on what it reads, and writes it. Holes of a sparse source stay holes.
class CopyingSource : public ByteSource {
 public:
  CopyingSource(FileDescriptor from, int to, const std::string& path, bool sparse)
      : from_(std::move(from), path), to_(to), path_(path), sparse_(sparse) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t got = from_.read(buffer);
    std::span<const std::byte> rest = buffer.first(got);
    if (sparse_ && is_zero(rest)) {
      check(::lseek(to_, static_cast<off_t>(got), SEEK_CUR) < 0 ? -1 : 0, "lseek", path_);
      return got;
    }
    while (!rest.empty()) {
      const ssize_t written = ::write(to_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw system_error("write", path_, errno);
      rest = rest.subspan(static_cast<std::size_t>(written));
    }
    return got;
  }

 private:
  static bool is_zero(std::span<const std::byte> bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
  }

  FileSource from_;
  int to_;
  const std::string& path_;
  bool sparse_;
};

// Whether what lies below is the same, by the rule that index_upper() has for RUN: directories'
// times do not count, files' do.
bool same(const Entry& entry, const Entry& below) {
  if (entry.type != below.type || entry.mode != below.mode || entry.uid != below.uid ||
      entry.gid != below.gid || entry.xattrs != below.xattrs)
    return false;
  if (entry.type == Type::directory) return true;
  return entry.mtime == below.mtime && entry.size == below.size &&
         entry.content == below.content && entry.link_target == below.link_target &&
         entry.device_major == below.device_major && entry.device_minor == below.device_minor;
}

// The items that the layer is made of. A file that is as it is below is none of it; a directory is
// if it is new or different, or if something in it is in the layer.
std::vector<const CopyPlan::Item*> changed_items(const CopyPlan& plan, const StackView& below) {
  const std::vector<CopyPlan::Item>& items = plan.items;
  std::vector<bool> kept(items.size(), true);
  if (!below.layers().empty()) {
    std::map<std::string_view, bool> groups;  // of hard links, by their first name: any kept
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::optional<Entry> there = below.find(items[i].entry.path);
      kept[i] = !there || !same(items[i].entry, *there);
      // A new name for a file, or one less, is a change that the entries alone do not show.
      if (!items[i].entry.hard_link.empty()) {
        if (!there || there->hard_link != items[i].entry.hard_link) kept[i] = true;
        groups[items[i].entry.hard_link] = groups[items[i].entry.hard_link] || kept[i];
      }
    }
    for (std::size_t i = 0; i < items.size() && !groups.empty(); ++i) {
      const Entry& entry = items[i].entry;
      const auto group = groups.find(entry.hard_link.empty() ? entry.path : entry.hard_link);
      if (group != groups.end() && entry.type == Type::file) group->second |= kept[i];
    }
    for (std::size_t i = 0; i < items.size() && !groups.empty(); ++i) {
      const Entry& entry = items[i].entry;
      const auto group = groups.find(entry.hard_link.empty() ? entry.path : entry.hard_link);
      if (group != groups.end() && entry.type == Type::file && group->second) kept[i] = true;
    }
    // Backwards: what a directory holds comes after it, all of it before the next sibling. What
    // an archive puts into a directory is not known yet, so its destination stays.
    std::string_view needed;
    for (std::size_t i = items.size(); i-- > 0;) {
      const std::string& path = items[i].entry.path;
      if (!needed.empty() && parent_path(needed) == path) kept[i] = true;
      if (kept[i] && !path.empty()) needed = path;
    }
  }
  std::vector<const CopyPlan::Item*> result;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (kept[i]) result.push_back(&items[i]);
  }
  return result;
}

class LayerWriter {
 public:
  LayerWriter(const std::vector<const SourceTree*>& inputs, const Staging& staging)
      : inputs_(inputs), root_(open_root(staging.upper())), parents_(root_.get()) {}

  // In path order. `builder`: null if the layer is built from the tree afterwards.
  void write(const CopyPlan::Item& item, LayerBuilder* builder) {
    const Entry& entry = item.entry;
    if (entry.type == Type::directory) {
      if (!entry.path.empty())
        check(::mkdirat(parent(entry), name(entry), 0700), "mkdirat", entry.path);
      directories_.push_back(&entry);
      if (builder != nullptr) builder->add(entry);
    } else if (!entry.hard_link.empty()) {
      const FileDescriptor first =
          open_beneath(root_.get(), parent_path(entry.hard_link), O_PATH | O_DIRECTORY);
      const std::string first_name(base_name(entry.hard_link));
      check(::linkat(first.get(), first_name.c_str(), parent(entry), name(entry), 0), "linkat",
            entry.path);
      if (builder != nullptr) builder->add(entry);
    } else if (entry.type == Type::file) {
      write_file(item, builder);
    } else {
      write_other(entry);
      if (builder != nullptr) builder->add(entry);
    }
  }

  // Directories last, because each name made in one changes its time, and a mode may forbid it.
  void finish() {
    for (auto entry = directories_.rbegin(); entry != directories_.rend(); ++entry) {
      const FileDescriptor directory =
          open_beneath(root_.get(), (*entry)->path, O_RDONLY | O_DIRECTORY);
      set_metadata(directory.get(), **entry);
      set_times(directory.get(), **entry);
    }
  }

 private:
  int parent(const Entry& entry) { return parents_.directory(parent_path(entry.path)); }

  const char* name(const Entry& entry) {
    name_ = base_name(entry.path);
    return name_.c_str();
  }

  void write_file(const CopyPlan::Item& item, LayerBuilder* builder) {
    const Entry& entry = item.entry;
    const FileDescriptor file(::openat(parent(entry), name(entry),
                                   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) throw system_error("openat", entry.path, errno);
    if (entry.size == 0) {
      if (builder != nullptr) builder->add(entry);
    } else if (item.bytes) {
      write_bytes(item, file.get(), builder);
    } else {
      copy(item, file.get(), builder);
    }
    set_metadata(file.get(), entry);
    set_times(file.get(), entry);
  }

  // A heredoc's, which are in memory.
  class TextSource : public ByteSource {
   public:
    TextSource(std::string_view text, int to, const std::string& path)
        : text_(text), to_(to), path_(path) {}
    std::size_t read(std::span<std::byte> buffer) override {
      const std::size_t count = std::min(text_.size(), buffer.size());
      std::copy_n(reinterpret_cast<const std::byte*>(text_.data()), count, buffer.begin());
      for (std::size_t done = 0; done < count;) {
        const ssize_t written = ::write(to_, text_.data() + done, count - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw system_error("write", path_, errno);
        done += static_cast<std::size_t>(written);
      }
      text_.remove_prefix(count);
      return count;
    }

   private:
    std::string_view text_;
    int to_;
    const std::string& path_;
  };

  void write_bytes(const CopyPlan::Item& item, int file, LayerBuilder* builder) {
    TextSource text(*item.bytes, file, item.entry.path);
    read_through(item.entry, text, builder);
  }

  void copy(const CopyPlan::Item& item, int file, LayerBuilder* builder) {
    const Entry& entry = item.entry;
    const SourceTree& tree = *inputs_[item.input];
    Entry source = entry;
    source.path = item.source;
    FileDescriptor from(tree.open(source));
    struct stat status {};
    check(::fstat(from.get(), &status), "fstat", item.source);
    if (static_cast<std::uint64_t>(status.st_size) != entry.size) throw changed(item.source, tree);

    Digest content;
    if (clone(from.get(), file, entry.size)) {
      // What was cloned can no longer change: the clone is what is hashed.
      FileDescriptor again(::fcntl(file, F_DUPFD_CLOEXEC, 0));
      if (!again) throw system_error("fcntl", entry.path, errno);
      FileSource cloned(std::move(again), entry.path);
      content = read_through(entry, cloned, builder);
    } else {
      constexpr std::uint64_t block = 512;  // of st_blocks (stat(3type))
      const bool sparse = static_cast<std::uint64_t>(status.st_blocks) * block < entry.size;
      ::posix_fadvise(from.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
      CopyingSource copying(std::move(from), file, entry.path, sparse);
      content = read_through(entry, copying, builder);
      if (sparse) check(::ftruncate(file, static_cast<off_t>(entry.size)), "ftruncate", entry.path);
    }
    if (content != entry.content) throw changed(item.source, tree);
  }

  bool clone(int from, int to, std::uint64_t size) {
    if (!can_clone_ || size < worth_cloning) return false;
    if (::ioctl(to, FICLONE, from) == 0) return true;
    // Other file systems, or ones that do not share blocks: the next file will not fare better.
    can_clone_ = false;
    return false;
  }

  Digest read_through(const Entry& entry, ByteSource& source, LayerBuilder* builder) {
    if (builder != nullptr) return builder->add_file(entry, source);
    buffer_.resize(std::size_t{256} << 10);
    while (const std::size_t got = source.read(buffer_))
      hasher_.update(std::span<const std::byte>(buffer_.data(), got));
    return hasher_.finish();
  }

  void write_other(const Entry& entry) {
    const int directory = parent(entry);
    const char* const last = name(entry);
    if (entry.type == Type::symlink) {
      check(::symlinkat(entry.link_target.c_str(), directory, last), "symlinkat", entry.path);
    } else {
      const mode_t type = entry.type == Type::fifo          ? S_IFIFO
                          : entry.type == Type::char_device ? S_IFCHR
                                                            : S_IFBLK;
      const dev_t device =
          entry.type == Type::fifo ? 0 : makedev(entry.device_major, entry.device_minor);
      check(::mknodat(directory, last, type | 0600, device), "mknodat", entry.path);
    }
    check(::fchownat(directory, last, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW), "fchownat",
          entry.path);
    // Just made, in a tree nobody else writes to: it is no link.
    if (entry.type != Type::symlink)
      check(::fchmodat(directory, last, entry.mode, 0), "fchmodat", entry.path);
    const std::string on_disk = "/proc/self/fd/" + std::to_string(directory) + "/" + last;
    for (const auto& [key, value] : entry.xattrs)
      check(::lsetxattr(on_disk.c_str(), key.c_str(), value.data(), value.size(), 0), "lsetxattr",
            entry.path);
    const timespec time{.tv_sec = entry.mtime, .tv_nsec = 0};
    const timespec times[2] = {time, time};
    check(::utimensat(directory, last, times, AT_SYMLINK_NOFOLLOW), "utimensat", entry.path);
  }

  const std::vector<const SourceTree*>& inputs_;
  FileDescriptor root_;
  ParentCache parents_;
  std::string name_;
  std::vector<const Entry*> directories_;  // into the plan, in path order
  bool can_clone_ = true;
  std::vector<std::byte> buffer_;
  Hasher hasher_;
};

// What an archive was when it was planned is hashed again as it is unpacked.
class HashingSource : public ByteSource {
 public:
  explicit HashingSource(FileSource source) : source_(std::move(source)) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t got = source_.read(buffer);
    hasher_.update(std::span<const std::byte>(buffer.first(got)));
    return got;
  }
  // Of the whole file: reads what is left.
  Digest finish() {
    std::vector<std::byte> rest(std::size_t{64} << 10);
    while (read(rest) > 0) continue;
    return hasher_.finish();
  }

 private:
  FileSource source_;
  Hasher hasher_;
};

void unpack(const CopyPlan::Archive& archive, const SourceTree& tree, const StackView& below,
            const Staging& staging, TreeEntries& entries) {
  const std::optional<Entry> source = tree.find(archive.source);
  if (!source) throw changed(archive.source, tree);
  HashingSource bytes(FileSource(FileDescriptor(tree.open(*source)), archive.source));
  ArchiveOptions options;
  options.destination = archive.destination;
  options.owner = archive.owner;
  std::optional<Error> failure;
  try {
    extract_archive(bytes, staging.upper(), below, options, entries);
  } catch (const Error& error) {
    failure = error;
  }
  if (bytes.finish() != archive.content) throw changed(archive.source, tree);
  if (!failure) return;
  throw Error("cannot unpack " + quoted(archive.source) + ": " + failure->what())
      .at(archive.origin)
      .hint("COPY it to keep the archive as it is, or ADD --unpack=false");
}

}  // namespace

BuiltLayer write_copy(const CopyPlan& plan, const std::vector<const SourceTree*>& inputs,
                      const StackView& below, const Staging& staging) {
  LayerBuilder builder;
  const bool whole = plan.archives.empty();
  TreeEntries entries;
  LayerWriter writer(inputs, staging);
  for (const CopyPlan::Item* item : changed_items(plan, below)) {
    writer.write(*item, whole ? &builder : nullptr);
    if (!whole) entries.emplace_hint(entries.end(), item->entry.path, item->entry);
  }
  writer.finish();
  if (whole) return builder.finish();

  for (const CopyPlan::Archive& archive : plan.archives)
    unpack(archive, *inputs.at(archive.input), below, staging, entries);
  return build_tree(staging.upper(), entries);
}

}  // namespace slipway
