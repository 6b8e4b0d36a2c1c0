#include <executor/files/walk.hpp>

#include <cache/file_descriptor.hpp>
#include <executor/files/content.hpp>
#include <executor/files/resolve.hpp>
#include <ir/error.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

namespace slipway {
namespace {

// glibc's sys/stat.h and the kernel's linux/stat.h do not go together.
constexpr std::uint32_t type_bits = 0170000;

void fill(WalkedEntry& entry, const struct statx& status) {
  using Type = Entry::Type;
  entry.stamp = stamp_of(status);
  switch (status.stx_mode & type_bits) {
    case 0040000:
      entry.type = Type::directory;
      break;
    case 0120000:
      entry.type = Type::symlink;
      break;
    case 0020000:
      entry.type = Type::char_device;
      break;
    case 0060000:
      entry.type = Type::block_device;
      break;
    case 0010000:
      entry.type = Type::fifo;
      break;
    default:
      entry.type = Type::file;
      break;
  }
  entry.socket = (status.stx_mode & type_bits) == 0140000;
  entry.several_names = entry.type == Type::file && status.stx_nlink > 1;
  entry.device_major = status.stx_rdev_major;
  entry.device_minor = status.stx_rdev_minor;
}

// Appends the link's target to the directory's text.
void read_link(int descriptor, const char* name, WalkedEntry& entry, std::string& text) {
  std::size_t room = std::max<std::size_t>(entry.stamp.size + 1, 128);
  const std::size_t at = text.size();
  for (;; room *= 2) {
    text.resize(at + room);
    const ssize_t length = ::readlinkat(descriptor, name, text.data() + at, room);
    if (length < 0) {
      entry.error = errno;
      text.resize(at);
      return;
    }
    // A target that fills the buffer may have been cut.
    if (static_cast<std::size_t>(length) == room) continue;
    text.resize(at + static_cast<std::size_t>(length));
    entry.link_at = static_cast<std::uint32_t>(at);
    entry.link_size = static_cast<std::uint32_t>(length);
    return;
  }
}

struct Name {
  std::string text;
  unsigned char type;  // DT_UNKNOWN where the file system does not say
};

// errno, or 0.
int read_names(int directory, std::vector<Name>& names) {
  alignas(dirent64) std::array<char, 32768> buffer;
  for (;;) {
    const long length = ::syscall(SYS_getdents64, directory, buffer.data(), buffer.size());
    if (length < 0) return errno;
    if (length == 0) break;
    for (long at = 0; at < length;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.push_back({std::string(name), entry->d_type});
      at += entry->d_reclen;
    }
  }
  std::sort(names.begin(), names.end(),
            [](const Name& left, const Name& right) { return left.text < right.text; });
  return 0;
}

// What a directory's entries need to know of the rules' verdicts on it.
struct Verdicts {
  IgnoreRules::Parent ignore;
  WalkFilter::Parent filter;
};

// Reads names and stamps. `verdict`: the rules' own on this directory; null: of the root.
class Reader {
 public:
  explicit Reader(const WalkRoot& root)
      : root_(root.descriptor), ignore_(*root.ignore), without_(root.without) {}

  // Fills `directory`, whose path is set. `verdicts` receives that of each directory among the
  // entries, in their order; null: nobody needs it.
  void read(Directory& directory, const IgnoreRules::Parent* verdict,
            std::vector<IgnoreRules::Parent>* verdicts) const {
    // By its whole path, and not from a parent's descriptor: those would have to stay open for as
    // long as a directory waits. No link on the way is followed.
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const char* const path = directory.path.empty() ? "." : directory.path.c_str();
    const FileDescriptor descriptor(
        static_cast<int>(::syscall(SYS_openat2, root_, path, &how, sizeof how)));
    std::vector<Name> names;
    directory.error = descriptor ? read_names(descriptor.get(), names) : errno;
    if (directory.error != 0) return;
    directory.seen = names.size();
    directory.entries.reserve(names.size());
    std::size_t bytes = 0;
    for (const Name& name : names) bytes += name.text.size();
    directory.text.reserve(bytes);
    for (const Name& name : names) add(directory, descriptor.get(), name, verdict, verdicts);
    if (directory.text.size() > std::numeric_limits<std::uint32_t>::max())
      throw Error("the names in the directory " + quoted(directory.path) + " take more than 4 GiB");
    directory.entries.shrink_to_fit();
    directory.text.shrink_to_fit();
  }

 private:
  void add(Directory& directory, int descriptor, const Name& name,
           const IgnoreRules::Parent* verdict, std::vector<IgnoreRules::Parent>* verdicts) const {
    WalkedEntry entry;
    IgnoreRules::Parent own;
    if (!ignore_.empty()) {
      const std::string path = join(directory.path, name.text);
      const IgnoreRules::Parent root;
      entry.excluded = ignore_.excluded(path, verdict != nullptr ? verdict : &root, &own);
      const bool may_be_directory = name.type == DT_DIR || name.type == DT_UNKNOWN;
      if (entry.excluded && !(may_be_directory && ignore_.may_reinclude_below(path))) return;
    }
    struct statx status {};
    if (stat_name(descriptor, name.text.c_str(), status)) {
      fill(entry, status);
    } else if (errno != ENOENT) {
      entry.error = errno;
    } else {
      return;
    }
    const bool is_directory = entry.type == Entry::Type::directory;
    if (entry.excluded && !is_directory) return;
    if (is_directory && without_ != nullptr && entry.stamp.inode == without_->inode &&
        entry.stamp.device == without_->device)
      return;
    entry.name_at = static_cast<std::uint32_t>(directory.text.size());
    entry.name_size = static_cast<std::uint16_t>(name.text.size());
    directory.text += name.text;
    if (entry.type == Entry::Type::symlink)
      read_link(descriptor, name.text.c_str(), entry, directory.text);
    directory.entries.push_back(std::move(entry));
    if (is_directory && verdicts != nullptr) verdicts->push_back(std::move(own));
  }

  const int root_;
  const IgnoreRules& ignore_;
  const FileStamp* const without_;
};

// Directories wait on a stack; each thread takes one, reads it, and puts those it holds back.
class Walker {
 public:
  Walker(const WalkRoot& root, const Directory& top, const WalkFilter& filter)
      : reader_(root),
        ignore_(*root.ignore),
        stopped_(root.stopped),
        filter_(filter),
        cut_(top.path.empty() ? 0 : top.path.size() + 1) {}

  NewDirectories run(Directory& top) {
    Verdicts verdicts;
    if (!ignore_.empty() && !top.path.empty())
      ignore_.excluded(top.path, nullptr, &verdicts.ignore);
    jobs_.push_back({&top, std::move(verdicts), true});
    work();
    if (helper_.joinable()) helper_.join();
    if (failure_) std::rethrow_exception(failure_);
    return std::move(found_);
  }

 private:
  // Below this many waiting directories a second thread costs more than it brings.
  static constexpr std::size_t worth_a_thread = 16;

  struct Job {
    Directory* directory = nullptr;
    Verdicts verdicts;
    bool is_read = false;
  };

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return !jobs_.empty() || busy_ == 0; });
      if (jobs_.empty()) return;
      Job job = std::move(jobs_.back());
      jobs_.pop_back();
      ++busy_;
      lock.unlock();
      std::vector<Job> next;
      NewDirectories found;
      std::exception_ptr failure;
      try {
        next = enter(job, found);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      --busy_;
      if (failure) {
        failure_ = failure;
        jobs_.clear();
      } else if (!failure_) {
        std::move(next.rbegin(), next.rend(), std::back_inserter(jobs_));
        std::move(found.begin(), found.end(), std::back_inserter(found_));
        if (!helper_.joinable() && !helped_ && jobs_.size() >= worth_a_thread) {
          helped_ = true;
          if (std::thread::hardware_concurrency() > 1) helper_ = start_helper([this] { work(); });
        }
      }
      changed_.notify_all();
    }
  }

  std::vector<Job> enter(Job& job, NewDirectories& found) const {
    if (stopped_ != nullptr && *stopped_) throw Error("the walk was interrupted");
    Directory& directory = *job.directory;
    std::vector<IgnoreRules::Parent> verdicts;
    if (!job.is_read) reader_.read(directory, &job.verdicts.ignore, &verdicts);
    std::vector<Job> next;
    auto verdict = verdicts.begin();
    for (WalkedEntry& entry : directory.entries) {
      if (entry.type != Entry::Type::directory) continue;
      Job one;
      const std::string path = directory.path_of(entry);
      if (!job.is_read)
        one.verdicts.ignore = std::move(*verdict++);
      else if (!ignore_.empty())
        ignore_.excluded(path, &job.verdicts.ignore, &one.verdicts.ignore);
      const std::string_view below_top = std::string_view(path).substr(cut_);
      const auto wanted = filter_.judge(below_top, &job.verdicts.filter, one.verdicts.filter);
      if (!filter_.may_hold(below_top, wanted)) continue;
      if (entry.below) {
        one.directory = entry.below.get();
        one.is_read = true;
      } else {
        auto below = std::make_unique<Directory>();
        below->path = path;
        one.directory = below.get();
        if (job.is_read)
          found.emplace_back(&entry, std::move(below));
        else
          entry.below = std::move(below);
      }
      next.push_back(std::move(one));
    }
    return next;
  }

  const Reader reader_;
  const IgnoreRules& ignore_;
  const std::atomic<bool>* const stopped_;
  const WalkFilter filter_;
  const std::size_t cut_;  // bytes of a path that stand in front of what the filter is about
  std::thread helper_;     // made, under the lock, and joined by the thread that is in run()

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<Job> jobs_;
  NewDirectories found_;
  std::size_t busy_ = 0;  // jobs that are being read
  bool helped_ = false;
  std::exception_ptr failure_;
};

}  // namespace

std::string Directory::path_of(const WalkedEntry& entry) const {
  return join(path, name_of(entry));
}

WalkedEntry* Directory::find(std::string_view name) {
  const auto found = std::lower_bound(
      entries.begin(), entries.end(), name,
      [this](const WalkedEntry& entry, std::string_view n) { return name_of(entry) < n; });
  return found == entries.end() || name_of(*found) != name ? nullptr : &*found;
}

std::unique_ptr<Directory> read_directory(const WalkRoot& root, std::string path) {
  auto directory = std::make_unique<Directory>();
  directory->path = std::move(path);
  IgnoreRules::Parent verdict;
  if (!root.ignore->empty() && !directory->path.empty())
    root.ignore->excluded(directory->path, nullptr, &verdict);
  Reader(root).read(*directory, &verdict, nullptr);
  return directory;
}

NewDirectories walk(const WalkRoot& root, Directory& top, const WalkFilter& filter) {
  return Walker(root, top, filter).run(top);
}

}  // namespace slipway
