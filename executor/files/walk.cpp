#include <executor/files/walk.hpp>

#include <cache/file_descriptor.hpp>
#include <executor/files/resolve.hpp>
#include <ir/error.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

namespace slipway {
namespace {

// glibc's sys/stat.h and the kernel's linux/stat.h do not go together.
constexpr std::uint32_t type_bits = 0170000;

struct Listing;

struct Child {
  WalkedEntry entry;
  std::unique_ptr<Listing> below;  // of a directory that was entered
  bool excluded = false;           // here only for what may be re-included below
};

struct Listing {
  std::vector<Child> children;
  std::uint64_t seen = 0;
};

struct Job {
  Listing* into = nullptr;
  WalkedEntry* directory = nullptr;  // null: the root
  IgnoreRules::Parent verdict;
};

std::int64_t nanoseconds(const struct statx_timestamp& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

FileStamp stamp_of(const struct statx& status) {
  FileStamp stamp;
  stamp.device = makedev(status.stx_dev_major, status.stx_dev_minor);
  stamp.inode = status.stx_ino;
  stamp.size = status.stx_size;
  stamp.mtime_ns = nanoseconds(status.stx_mtime);
  stamp.ctime_ns = nanoseconds(status.stx_ctime);
  stamp.mode = status.stx_mode;
  return stamp;
}

bool stat_at(int directory, const char* path, struct statx& status) {
  constexpr int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
  return ::syscall(SYS_statx, directory, path, flags, STATX_BASIC_STATS, &status) == 0;
}

void fill(WalkedEntry& entry, const struct statx& status) {
  using Type = Entry::Type;
  entry.stamp = stamp_of(status);
  switch (status.stx_mode & type_bits) {
    case 0040000: entry.type = Type::directory; break;
    case 0120000: entry.type = Type::symlink; break;
    case 0020000: entry.type = Type::char_device; break;
    case 0060000: entry.type = Type::block_device; break;
    case 0010000: entry.type = Type::fifo; break;
    default: entry.type = Type::file; break;
  }
  entry.socket = (status.stx_mode & type_bits) == 0140000;
  entry.several_names = entry.type == Type::file && status.stx_nlink > 1;
  entry.device_major = status.stx_rdev_major;
  entry.device_minor = status.stx_rdev_minor;
}

void read_link(int directory, const char* name, WalkedEntry& entry) {
  entry.link_target.resize(std::max<std::size_t>(entry.stamp.size + 1, 128));
  for (;;) {
    const ssize_t length =
        ::readlinkat(directory, name, entry.link_target.data(), entry.link_target.size());
    if (length < 0) {
      entry.error = errno;
      entry.link_target.clear();
      return;
    }
    // A target that fills the buffer may have been cut.
    if (static_cast<std::size_t>(length) < entry.link_target.size()) {
      entry.link_target.resize(static_cast<std::size_t>(length));
      return;
    }
    entry.link_target.resize(entry.link_target.size() * 2);
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

// Directories wait on a stack; each thread takes one, reads it, and puts those it holds back.
class Walker {
 public:
  Walker(int root, const IgnoreRules& ignore, const FileStamp* without)
      : root_(root), ignore_(ignore), without_(without) {}

  std::unique_ptr<Listing> run() {
    auto top = std::make_unique<Listing>();
    jobs_.push_back({top.get(), nullptr, {}});
    work();
    if (helper_.joinable()) helper_.join();
    if (failure_) std::rethrow_exception(failure_);
    return top;
  }

 private:
  // Below this many waiting directories a second thread costs more than it brings.
  static constexpr std::size_t worth_a_thread = 16;

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return !jobs_.empty() || busy_ == 0; });
      if (jobs_.empty()) return;
      Job job = std::move(jobs_.back());
      jobs_.pop_back();
      ++busy_;
      lock.unlock();
      std::vector<Job> found;
      std::exception_ptr failure;
      try {
        found = read_directory(job);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      --busy_;
      if (failure) {
        failure_ = failure;
        jobs_.clear();
      } else if (!failure_) {
        std::move(found.rbegin(), found.rend(), std::back_inserter(jobs_));
        if (!helper_.joinable() && !helped_ && jobs_.size() >= worth_a_thread) {
          helped_ = true;
          if (std::thread::hardware_concurrency() > 1) helper_ = std::thread([this] { work(); });
        }
      }
      changed_.notify_all();
    }
  }

  std::vector<Job> read_directory(const Job& job) {
    std::vector<Job> found;
    const std::string_view path = job.directory ? std::string_view(job.directory->path) : "";
    // By its whole path, and not from a parent's descriptor: those would have to stay open for as
    // long as a directory waits. No link on the way is followed.
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const char* const name = job.directory ? job.directory->path.c_str() : ".";
    const FileDescriptor directory(
        static_cast<int>(::syscall(SYS_openat2, root_, name, &how, sizeof how)));
    std::vector<Name> names;
    const int error = directory ? read_names(directory.get(), names) : errno;
    if (error != 0) {
      if (job.directory == nullptr) throw system_error("openat2", ".", error);
      job.directory->error = error;
      return found;
    }
    job.into->seen = names.size();
    job.into->children.reserve(names.size());
    for (const Name& one : names) add(job, directory.get(), path, one, found);
    return found;
  }

  void add(const Job& job, int directory, std::string_view path, const Name& name,
           std::vector<Job>& found) {
    Child child;
    child.entry.path = join(path, name.text);
    IgnoreRules::Parent verdict;
    if (!ignore_.empty()) {
      child.excluded = ignore_.excluded(child.entry.path, job.directory ? &job.verdict : nullptr,
                                        &verdict);
      const bool may_be_directory = name.type == DT_DIR || name.type == DT_UNKNOWN;
      if (child.excluded &&
          !(may_be_directory && ignore_.may_reinclude_below(child.entry.path)))
        return;
    }
    struct statx status {};
    if (!stat_at(directory, name.text.c_str(), status)) {
      if (errno == ENOENT) return;
      child.entry.error = errno;
    } else {
      fill(child.entry, status);
    }
    const bool is_directory = child.entry.type == Entry::Type::directory;
    if (child.excluded && !is_directory) return;
    if (is_directory && without_ != nullptr && child.entry.stamp.inode == without_->inode &&
        child.entry.stamp.device == without_->device)
      return;
    if (child.entry.type == Entry::Type::symlink)
      read_link(directory, name.text.c_str(), child.entry);
    // Reserved above for all names, so that this place stays where it is.
    Child& kept = job.into->children.emplace_back(std::move(child));
    if (!is_directory) return;
    kept.below = std::make_unique<Listing>();
    found.push_back({kept.below.get(), &kept.entry, std::move(verdict)});
  }

  const int root_;
  const IgnoreRules& ignore_;
  const FileStamp* const without_;
  std::thread helper_;  // made, under the lock, and joined by the thread that is in run()

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<Job> jobs_;
  std::size_t busy_ = 0;  // jobs that are being read
  bool helped_ = false;
  std::exception_ptr failure_;
};

// In path order. False: nothing of it is included.
bool flatten(Listing& listing, Walked& walked) {
  walked.seen += listing.seen;
  bool any = false;
  for (Child& child : listing.children) {
    const std::size_t position = walked.entries.size();
    walked.entries.push_back(std::move(child.entry));
    const bool below = child.below && flatten(*child.below, walked);
    child.below.reset();
    if (child.excluded && !below) {
      walked.entries.resize(position);
      continue;
    }
    walked.entries[position].end = static_cast<std::uint32_t>(walked.entries.size());
    any = true;
  }
  return any;
}

// The first name in path order is the file, later ones are links to it.
void find_hard_links(std::vector<WalkedEntry>& entries) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint32_t> first;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].several_names) continue;
    const auto [found, is_new] =
        first.try_emplace({entries[i].stamp.device, entries[i].stamp.inode}, i);
    if (!is_new) entries[i].same_file = found->second;
  }
}

}  // namespace

Walked walk(int root, const IgnoreRules& ignore, const FileStamp* without) {
  Walked walked;
  const std::unique_ptr<Listing> top = Walker(root, ignore, without).run();
  flatten(*top, walked);
  find_hard_links(walked.entries);
  return walked;
}

}  // namespace slipway
