#include <executor/files/context.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/stat_cache/stat_cache.hpp>
#include <cache/state_directory.hpp>
#include <executor/files/content.hpp>
#include <executor/files/resolve.hpp>
#include <executor/files/walk.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace slipway {
namespace {

// How docker calls the file in its messages; it may also be <Dockerfile>.dockerignore.
constexpr std::string_view ignore_file = ".dockerignore";

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// Rounded down, also before 1970.
std::int64_t whole_seconds(std::int64_t ns) {
  constexpr std::int64_t second = 1'000'000'000;
  return ns / second - (ns % second < 0 ? 1 : 0);
}

class DirectoryContext final : public Context {
 public:
  DirectoryContext(Options options, FileDescriptor root)
      : options_(std::move(options)), root_(std::move(root)) {}

  std::optional<Entry> find(std::string_view path) const override {
    if (path.empty()) return root_entry();
    const std::optional<std::size_t> position = locate(path);
    if (!position) return std::nullopt;
    return entry_at(*position);
  }

  std::vector<std::string> list(std::string_view directory) const override {
    std::vector<std::string> names;
    for_children(directory, [&](std::size_t position) {
      names.emplace_back(base_name(tree().entries[position].path));
    });
    return names;
  }

  std::vector<Entry> children(std::string_view directory) const override {
    std::vector<Entry> entries;
    for_children(directory, [&](std::size_t position) { entries.push_back(entry_at(position)); });
    return entries;
  }

  StackView::Resolved resolve(std::string_view path, bool follow_last) const override {
    return resolve_links(path, follow_last, [this](std::string_view p) { return find(p); });
  }

  Digest digest(const Entry& entry) const override {
    const std::size_t position = locate_file(entry.path);
    if (const std::optional<Digest> known = known_digest(position)) return *known;
    FileHasher hasher;
    return hash(position, hasher);
  }

  std::vector<Digest> digests(const std::vector<std::string_view>& files) const override;
  int open(const Entry& entry) const override;
  std::string name() const override { return options_.name; }

  std::string absence(std::string_view path) const override {
    if (path.empty()) return {};
    if (!options_.ignore.empty() && options_.ignore.excluded(path))
      return "it is excluded by " + std::string(ignore_file);
    return on_this_machine(path);
  }

  void remember() noexcept override;

  Figures figures() const override {
    const std::lock_guard lock(mutex_);
    Figures figures = figures_;
    figures.entries = walked_ ? walked_->seen : 0;
    return figures;
  }

 private:
  // What is known of a file's content, beside its WalkedEntry.
  struct Content {
    Digest digest;
    bool known = false;
    bool settled = false;  // worth remembering: its stamp tells it from any successor
    FileStamp stamp;       // as it was when the digest was made
  };

  // What a person means who writes a path of their machine where one of the context belongs.
  std::string on_this_machine(std::string_view path) const {
    if (find(path.substr(0, path.find('/')))) return {};
    std::error_code ignored;
    const std::filesystem::path file = "/" + std::string(path);
    if (!std::filesystem::exists(file, ignored)) return {};
    const auto directory = std::filesystem::canonical(options_.directory, ignored);
    const std::string below = file.lexically_relative(directory).native();
    if (!below.empty() && !below.starts_with("..") && find(below))
      return "paths begin at the " + options_.name + ": did you mean " + quoted(below) + "?";
    return quoted(file.native()) + " of this machine is outside the " + options_.name;
  }

  const Walked& tree() const {
    std::call_once(walked_once_, [this] {
      // slipway's own store is no part of what is built, though it may lie there.
      Walked walked = walk(root_.get(), options_.ignore, store_ ? &*store_ : nullptr);
      std::vector<Content> contents(walked.entries.size());
      if (options_.state != nullptr) recall(walked, contents);
      const std::lock_guard lock(mutex_);
      contents_ = std::move(contents);
      walked_ = std::move(walked);
    });
    return *walked_;
  }

  void recall(const Walked& walked, std::vector<Content>& contents) const {
    cache_file_ = stat_cache_file(*options_.state, options_.directory);
    const StatCache cache = StatCache::open(cache_file_);
    StatCacheCursor cursor(cache);
    for (std::size_t i = 0; i < walked.entries.size(); ++i) {
      const WalkedEntry& entry = walked.entries[i];
      if (entry.type != Entry::Type::file || entry.socket || entry.error != 0) continue;
      const std::optional<Digest> digest = cursor.find(entry.path, entry.stamp);
      if (!digest) continue;
      contents[i] = {*digest, true, true, entry.stamp};
    }
  }

  std::optional<std::size_t> locate(std::string_view path) const {
    const std::vector<WalkedEntry>& entries = tree().entries;
    const auto found = std::lower_bound(
        entries.begin(), entries.end(), path,
        [](const WalkedEntry& entry, std::string_view p) { return path_less(entry.path, p); });
    if (found == entries.end() || found->path != path) return std::nullopt;
    return static_cast<std::size_t>(found - entries.begin());
  }

  std::size_t locate_file(std::string_view path) const {
    const std::optional<std::size_t> position = locate(path);
    if (!position || tree().entries[*position].type != Entry::Type::file)
      throw Error(quoted(path) + " is no file of the " + options_.name);
    return *position;
  }

  template <class Visit>
  void for_children(std::string_view directory, Visit visit) const {
    const std::vector<WalkedEntry>& entries = tree().entries;
    std::size_t at = 0;
    std::size_t end = entries.size();
    if (!directory.empty()) {
      const std::optional<std::size_t> position = locate(directory);
      if (!position || entries[*position].type != Entry::Type::directory) return;
      require_readable(entries[*position]);
      at = *position + 1;
      end = entries[*position].end;
    }
    for (; at < end; at = entries[at].end) visit(at);
  }

  void require_readable(const WalkedEntry& entry) const {
    if (entry.error == 0) return;
    throw system_error("read", (options_.directory / entry.path).native(), entry.error)
        .hint("make it readable, or exclude it in " + std::string(ignore_file));
  }

  static Entry root_entry() {
    Entry entry;
    entry.type = Entry::Type::directory;
    entry.mode = 0755;  // what docker's copy of a context has, whatever the directory's own mode
    return entry;
  }

  Entry entry_at(std::size_t position) const {
    const WalkedEntry& walked = tree().entries[position];
    // A directory's own error matters only to who looks inside.
    if (walked.type != Entry::Type::directory) require_readable(walked);
    Entry entry;
    entry.path = walked.path;
    entry.type = walked.type;
    entry.mode = walked.stamp.mode & 07777;
    entry.mtime = whole_seconds(walked.stamp.mtime_ns);
    entry.link_target = walked.link_target;
    entry.device_major = walked.device_major;
    entry.device_minor = walked.device_minor;
    if (walked.same_file != WalkedEntry::none)
      entry.hard_link = tree().entries[walked.same_file].path;
    if (walked.type == Entry::Type::file) {
      entry.size = walked.socket ? 0 : walked.stamp.size;
      if (const std::optional<Digest> known = known_digest(position)) entry.content = *known;
    }
    return entry;
  }

  std::optional<Digest> known_digest(std::size_t position) const {
    const WalkedEntry& walked = tree().entries[position];
    if (walked.socket || walked.stamp.size == 0) return empty_content();
    const std::lock_guard lock(mutex_);
    if (!contents_[position].known) return std::nullopt;
    return contents_[position].digest;
  }

  // Reads the file. Whatever the walk's answers (mode, size, time) no longer fit is an Error.
  // Another change time alone is not: a file with a new link, or replaced by an equal one, is still
  // what the walk said.
  Digest hash(std::size_t position, FileHasher& hasher) const {
    const WalkedEntry& walked = tree().entries[position];
    require_readable(walked);
    const FileDescriptor file = open_file(walked);
    const std::int64_t asked = now_ns();
    const bool written = has_writer(file.get());
    const std::optional<FileStamp> before = stat_stamp(file.get(), "");
    if (!before) throw system_error("statx", path_of(walked), errno);
    if (before->mode != walked.stamp.mode || before->size != walked.stamp.size ||
        before->mtime_ns != walked.stamp.mtime_ns)
      throw changed(walked);
    const std::optional<Digest> digest = hasher.hash(file.get(), before->size, path_of(walked));
    const std::optional<FileStamp> after = stat_stamp(file.get(), "");
    if (!digest || !after || *after != *before) throw changed(walked);

    const bool fine = before->device == root_device_ && fine_times_;
    const std::lock_guard lock(mutex_);
    Content& content = contents_[position];
    if (!content.known) {
      ++figures_.files_hashed;
      figures_.bytes_hashed += before->size;
    }
    content = {*digest, true, !written && is_settled(*before, asked, fine), *before};
    outdated_ = outdated_ || content.settled;
    return *digest;
  }

  std::string path_of(const WalkedEntry& entry) const {
    return (options_.directory / entry.path).native();
  }

  Error changed(const WalkedEntry& entry) const {
    return Error(quoted(entry.path) + " of the " + options_.name + " changed while it was read")
        .hint("build again when nothing writes to it");
  }

  FileDescriptor open_file(const WalkedEntry& entry) const {
    FileDescriptor file = open_regular_beneath(root_.get(), entry.path);
    if (file) return file;
    if (errno == ENOENT || errno == ELOOP || errno == EXDEV || errno == ENOTDIR || errno == EINVAL)
      throw changed(entry);
    throw system_error("openat2", path_of(entry), errno)
        .hint("make it readable, or exclude it in " + std::string(ignore_file));
  }

  const Options options_;
  const FileDescriptor root_;
  const bool fine_times_ = has_fine_change_times(root_.get());
  const std::optional<FileStamp> store_ =
      options_.state == nullptr ? std::nullopt
                                : stat_stamp(AT_FDCWD, options_.state->root().c_str());
  const std::uint64_t root_device_ = stat_stamp(root_.get(), "").value_or(FileStamp{}).device;

  // Set within call_once and not changed afterwards, so reading them needs no lock.
  mutable std::once_flag walked_once_;
  mutable std::optional<Walked> walked_;
  mutable std::filesystem::path cache_file_;

  mutable std::mutex mutex_;               // guards what follows; never held while a file is read
  mutable std::vector<Content> contents_;  // of the same positions as the walked entries
  mutable bool outdated_ = false;          // the stat cache on disk does not know all of them
  mutable Figures figures_;
};

std::vector<Digest> DirectoryContext::digests(const std::vector<std::string_view>& files) const {
  std::vector<Digest> digests(files.size());
  std::vector<std::pair<std::size_t, std::size_t>> unknown;  // place in `files`, position
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::size_t position = locate_file(files[i]);
    if (const std::optional<Digest> known = known_digest(position)) {
      digests[i] = *known;
    } else {
      unknown.emplace_back(i, position);
      bytes += tree().entries[position].stamp.size;
    }
  }

  std::atomic<std::size_t> next = 0;  // shared by the threads: who takes which file
  std::atomic<bool> failed = false;
  std::mutex failure_mutex;  // guards `failure`
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      FileHasher hasher;
      for (std::size_t i = next++; i < unknown.size() && !failed; i = next++)
        digests[unknown[i].first] = hash(unknown[i].second, hasher);
    } catch (...) {
      failed = true;
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  // A thread costs about as much as these many bytes or files.
  const std::uint64_t worth = std::max<std::uint64_t>(bytes >> 18, unknown.size() / 16);
  const auto count = static_cast<std::size_t>(
      std::min<std::uint64_t>({worth, unknown.size(), std::thread::hardware_concurrency(), 4}));
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  return digests;
}

int DirectoryContext::open(const Entry& entry) const {
  const WalkedEntry& walked = tree().entries[locate_file(entry.path)];
  require_readable(walked);
  if (!walked.socket) return open_file(walked).release();
  const int empty = ::memfd_create("socket", MFD_CLOEXEC);
  if (empty < 0) throw system_error("memfd_create", entry.path, errno);
  return empty;
}

void DirectoryContext::remember() noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (options_.state == nullptr || !walked_ || !outdated_) return;
    StatCacheUpdate update(*options_.state, cache_file_, root_.get());
    for (std::size_t i = 0; i < contents_.size(); ++i) {
      const WalkedEntry& entry = walked_->entries[i];
      if (entry.type != Entry::Type::file || entry.socket || entry.error != 0) continue;
      const Content& content = contents_[i];
      if (content.known && content.settled)
        update.add(entry.path, content.stamp, content.digest);
      else
        update.add(entry.path, entry.stamp, std::nullopt);
    }
    update.write();
    outdated_ = false;
  } catch (const std::exception&) {
    // The next build reads the files again; that is all it costs.
  }
}

}  // namespace

std::unique_ptr<Context> Context::open(Options options) {
  FileDescriptor root(::open(options.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) {
    if (errno == ENOENT || errno == ENOTDIR)
      throw Error(options.name + " " + quoted(options.directory.native()) +
                  (errno == ENOENT ? " does not exist" : " is no directory"));
    throw system_error("open", options.directory.native(), errno);
  }
  if (options.state != nullptr) {
    const std::optional<FileStamp> here = stat_stamp(root.get(), "");
    const std::optional<FileStamp> store = stat_stamp(AT_FDCWD, options.state->root().c_str());
    if (here && store && here->device == store->device && here->inode == store->inode)
      throw Error(options.name + " " + quoted(options.directory.native()) +
                  " is slipway's own store")
          .hint("build another directory, or give another --root");
  }
  return std::make_unique<DirectoryContext>(std::move(options), std::move(root));
}

}  // namespace slipway
