#include <executor/containers/own_layer.hpp>

#include <cache/layers/extract_layer.hpp>
#include <cache/layers/sparse.hpp>
#include <cache/store.hpp>
#include <executor/files/content.hpp>
#include <executor/files/write_tree.hpp>
#include <executor/sandbox/users.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// Below this a clone's system call costs more than the bytes.
constexpr std::uint64_t worth_cloning = std::uint64_t{128} << 10;
constexpr std::size_t largest_user_file = std::size_t{4} << 20;  // of passwd and group

std::set<std::string, std::less<>> stubs_of(const std::filesystem::path& folder) {
  std::set<std::string, std::less<>> stubs;
  std::ifstream file(folder / "stubs");
  for (std::string line; std::getline(file, line);)
    if (line.size() > 1) stubs.insert(line.starts_with('/') ? line.substr(1) : line);
  return stubs;
}

std::string image_text(const StackView& image, std::string_view path) {
  const StackView::Resolved found = image.resolve(path, true);
  if (!found.entry || found.entry->type != Entry::Type::file ||
      found.entry->size > largest_user_file)
    return {};
  DescriptorSource file(FileDescriptor(image.open(*found.entry)));
  std::string text(static_cast<std::size_t>(found.entry->size), '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const std::size_t got = file.read(std::as_writable_bytes(std::span(text)).subspan(size));
    if (got == 0) break;
    size += got;
  }
  text.resize(size);
  return text;
}

// Whose the files are that nobody's record says anything of: its program's.
OwnerIds maker_of(const Container& container, const StackView& image) {
  if (!ids_are_recorded()) return {0, 0};
  const RunUser user = find_user(container.config.user, image_text(image, "etc/passwd"),
                                 image_text(image, "etc/group"));
  return {user.uid, user.gid};
}

// The bytes of a file, exactly as many as were announced, which are in a copy of it when they have
// been read. What the file has lost by then is zeros, what it has gained is left out.
class CopyingSource : public ByteSource {
 public:
  CopyingSource(int from, int to, std::uint64_t size, std::string_view path)
      : from_(from), to_(to), size_(size), path_(path) {
    struct stat status {};
    constexpr std::uint64_t block = 512;  // of st_blocks (stat(3type))
    sparse_ =
        ::fstat(from_, &status) == 0 && static_cast<std::uint64_t>(status.st_blocks) * block < size;
    // Where the file system can share blocks, nobody changes those of the copy.
    cloned_ = size >= worth_cloning && ::ioctl(to_, FICLONE, from_) == 0;
    if (cloned_) {
      from_ = to_;
      if (::ftruncate(to_, static_cast<off_t>(size)) != 0)
        throw system_error("ftruncate", path_, errno);
    }
  }

  std::size_t read(std::span<std::byte> buffer) override {
    buffer =
        buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_ - at_)));
    if (buffer.empty()) return 0;
    ssize_t got = 0;
    do {
      got = ::pread(from_, buffer.data(), buffer.size(), static_cast<off_t>(at_));
    } while (got < 0 && errno == EINTR);
    if (got < 0) throw system_error("pread", path_, errno);
    if (got == 0) {
      std::fill(buffer.begin(), buffer.end(), std::byte{0});
    } else {
      buffer = buffer.first(static_cast<std::size_t>(got));
    }
    at_ += buffer.size();
    if (!cloned_) write(buffer);
    return buffer.size();
  }

 private:
  void write(std::span<const std::byte> bytes) {
    if (!sparse_) return write_all(to_, bytes, path_);
    const bool hole = write_sparse(to_, bytes, path_);
    if (hole && at_ == size_ && ::ftruncate(to_, static_cast<off_t>(size_)) != 0)
      throw system_error("ftruncate", path_, errno);
  }

  int from_;
  const int to_;
  const std::uint64_t size_;
  const std::string_view path_;
  std::uint64_t at_ = 0;
  bool sparse_ = false;
  bool cloned_ = false;
};

class LayerCopy {
 public:
  LayerCopy(int from, int to, bool changing)
      : changing_(changing), from_(from), files_(from), maker_(to) {}

  void add(const Entry& entry) {
    using Type = Entry::Type;
    if (entry.type == Type::directory) {
      maker_.make_directory(entry);
      directories_.push_back(entry);
    } else if (entry.type == Type::file) {
      if (!entry.hard_link.empty()) {
        add_link(entry);
      } else if (!add_file(entry)) {
        gone_.try_emplace(entry.path);
      }
      return;
    } else if (!entry.hard_link.empty()) {
      maker_.make_link(entry);
    } else if (entry.type == Type::whiteout) {
      maker_.make_whiteout(entry);
    } else {
      maker_.make_other(entry);
    }
    builder_.add(entry);
  }

  BuiltLayer finish() {
    for (auto entry = directories_.rbegin(); entry != directories_.rend(); ++entry)
      maker_.finish_directory(*entry);
    return builder_.finish();
  }

 private:
  // Empty: it is gone, or something else, since it was seen.
  FileDescriptor open(const Entry& entry) {
    constexpr int most_attempts = 100;  // somebody takes it away and puts it back all the time
    for (int attempt = 1;; ++attempt) {
      try {
        return open_regular(files_.directory(parent_path(entry.path)), base_name(entry.path),
                            entry.path);
      } catch (const Error&) {
        files_.forget();
        if (!changing_) throw;
        if (!is_there(entry)) return {};
        if (attempt == most_attempts) throw;  // it cannot be read
      }
    }
  }

  // Not opened for reading: it may be a device by now.
  bool is_there(const Entry& entry) const {
    open_how how{};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const FileDescriptor file(
        static_cast<int>(::syscall(SYS_openat2, from_, entry.path.c_str(), &how, sizeof how)));
    if (!file) return errno != ENOENT && errno != ENOTDIR && errno != ELOOP;
    struct stat status {};
    return ::fstat(file.get(), &status) != 0 || S_ISREG(status.st_mode);
  }

  // False: it is gone.
  bool add_file(const Entry& entry) {
    const FileDescriptor source = open(entry);
    if (!source) return false;
    const FileDescriptor made = maker_.make_file(entry);
    if (entry.size == 0) {
      builder_.add(entry);
    } else {
      CopyingSource bytes(source.get(), made.get(), entry.size, entry.path);
      builder_.add_file(entry, bytes);
    }
    maker_.finish_file(made.get(), entry);
    return true;
  }

  // Where the first name is gone, the next one that is there is the file.
  void add_link(Entry entry) {
    if (const auto gone = gone_.find(entry.hard_link); gone != gone_.end()) {
      if (gone->second.empty()) {
        entry.hard_link.clear();
        if (add_file(entry)) gone->second = entry.path;
        return;
      }
      entry.hard_link = gone->second;
    }
    maker_.make_link(entry);
    builder_.add(entry);
  }

  const bool changing_;
  const int from_;
  ParentCache files_;
  TreeMaker maker_;
  LayerBuilder builder_;
  std::vector<Entry> directories_;
  std::map<std::string, std::string> gone_;  // first names, and which stand for them; "": none yet
};

}  // namespace

OwnLayer::OwnLayer(Store& store, const Container& container, bool changing)
    : upper_(store.containers().folder(container.id) / "upper"),
      below_(store.layers().view(container.layers)),
      changes_(upper_, below_,
               UpperTree::Options{maker_of(container, below_),
                                  stubs_of(store.containers().folder(container.id)), changing}),
      changing_(changing) {}

BuiltLayer OwnLayer::copy_to(const Staging& staging) const {
  const FileDescriptor to = open_root(staging.upper());
  LayerCopy copy(changes_.root(), to.get(), changing_);
  changes_.for_each([&](const Entry& entry, const std::optional<Entry>&) { copy.add(entry); });
  return copy.finish();
}

StackView OwnLayer::merged() const {
  TreeEntries entries;
  changes_.for_each([&](const Entry& entry, const std::optional<Entry>&) {
    entries.emplace_hint(entries.end(), entry.path, entry);
  });
  std::vector<StackView::Layer> layers = below_.layers();
  layers.push_back({upper_, LayerIndex::from_bytes(index_entries(entries, DiffId{}).index)});
  return StackView(std::move(layers));
}

}  // namespace slipway
