#include <executor/files/context.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/stat_cache/stat_cache.hpp>
#include <cache/state_directory.hpp>
#include <executor/files/content.hpp>
#include <executor/files/context_tree.hpp>
#include <executor/files/resolve.hpp>
#include <executor/files/selected.hpp>
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
#include <unordered_map>
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

using Place = ContextTree::Place;

class DirectoryContext final : public Context {
 public:
  DirectoryContext(Options options, FileDescriptor root)
      : options_(std::move(options)),
        root_(std::move(root)),
        tree_(
            root_.get(), options_.directory, options_.ignore, store_of(options_),
            [this](Directory& directory) { recall(directory); }, stopped_) {}

  std::optional<Entry> find(std::string_view path) const override {
    if (path.empty()) return root_entry();
    const std::optional<Place> place = tree_.find(path);
    if (!place) return std::nullopt;
    return entry_at(*place);
  }

  std::vector<std::string> list(std::string_view directory) const override {
    std::vector<std::string> names;
    for (const Place& place : tree_.children(directory))
      names.emplace_back(place.directory->name_of(*place.entry));
    return names;
  }

  std::vector<Entry> children(std::string_view directory) const override {
    const std::vector<Place> places = tree_.children(directory);
    std::vector<Entry> entries;
    entries.reserve(places.size());
    for (const Place& place : places) entries.push_back(entry_at(place));
    return entries;
  }

  void expect(const std::vector<Taking>& takings) override {
    for (const Taking& taking : takings) {
      try {
        for_selected_tops(taking, *this, [this](const Entry& top, const WalkFilter& filter) {
          if (top.type == Entry::Type::directory) tree_.read_below(top.path, filter);
        });
      } catch (const Error&) {
        // A source that is missing, for one: whoever copies it says so, at its instruction.
      }
    }
    // What is asked for beyond that, if anything, opens it again.
    forget_recalled();
  }

  StackView::Resolved resolve(std::string_view path, bool follow_last) const override {
    return resolve_links(path, follow_last, [this](std::string_view p) { return find(p); });
  }

  Digest digest(const Entry& entry) const override {
    const Place place = locate_file(entry.path);
    if (const std::optional<Digest> known = known_digest(*place.entry)) return *known;
    FileHasher hasher([this] { require_going_on(); });
    return read(place, hasher);
  }

  Digest read(const Entry& file, FileReader& reader) const override {
    return read(locate_file(file.path), reader);
  }

  std::vector<Digest> digests(const std::vector<std::string_view>& files) const override;
  int open(const Entry& entry) const override;
  std::string name() const override { return options_.name; }

  std::string absence(std::string_view path) const override {
    if (path.empty()) return {};
    if (!options_.ignore.empty() && options_.ignore.excluded(path)) {
      const std::size_t rule = options_.ignore.deciding_rule(path).value_or(std::string::npos);
      return "it is excluded by " + (rule < options_.rule_places.size() ? options_.rule_places[rule]
                                                                        : std::string(ignore_file));
    }
    return on_this_machine(path);
  }

  void remember() noexcept override;

  void stop() noexcept override { stopped_ = true; }

  Figures figures() const override {
    const std::uint64_t entries = tree_.seen();
    const std::lock_guard lock(mutex_);
    Figures figures = figures_;
    figures.entries = entries;
    return figures;
  }

 private:
  // Slipway's own store is no part of what is built, though it may lie there.
  static std::optional<FileStamp> store_of(const Options& options) {
    if (options.state == nullptr) return std::nullopt;
    return stat_stamp(AT_FDCWD, options.state->root().c_str());
  }

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

  // Of a directory that was just read: what the stat cache knows. Called by one thread at a time.
  void recall(Directory& directory) const {
    if (options_.state == nullptr) return;
    const std::shared_ptr<const StatCache> cache = recalled();
    StatCacheCursor cursor(*cache);
    std::string path;
    for (WalkedEntry& entry : directory.entries) {
      if (!has_content(entry)) continue;
      path.assign(directory.path);
      if (!path.empty()) path += '/';
      path += directory.name_of(entry);
      const std::optional<Digest> digest = cursor.find(path, entry.stamp);
      if (!digest) continue;
      entry.content = *digest;
      entry.content_known = entry.settled = true;
    }
  }

  std::shared_ptr<const StatCache> recalled() const {
    const std::lock_guard lock(recalled_mutex_);
    if (!recalled_)
      recalled_ = std::make_shared<const StatCache>(
          StatCache::open(stat_cache_file(*options_.state, options_.directory)));
    return recalled_;
  }

  // Its memory is worth more than the time to open it once more.
  void forget_recalled() const {
    const std::lock_guard lock(recalled_mutex_);
    recalled_.reset();
  }

  // A file that the stat cache may know.
  static bool has_content(const WalkedEntry& entry) {
    return entry.type == Entry::Type::file && !entry.socket && entry.error == 0;
  }

  Place locate_file(std::string_view path) const {
    const std::optional<Place> place = path.empty() ? std::optional<Place>() : tree_.find(path);
    if (!place || place->entry->type != Entry::Type::file)
      throw Error(quoted(path) + " is no file of the " + options_.name);
    return *place;
  }

  void require_readable(const Place& place) const {
    if (place.entry->error == 0) return;
    throw system_error("read", path_of(place), place.entry->error)
        .hint("make it readable, or exclude it in " + std::string(ignore_file));
  }

  static Entry root_entry() {
    Entry entry;
    entry.type = Entry::Type::directory;
    entry.mode = 0755;  // what docker's copy of a context has, whatever the directory's own mode
    return entry;
  }

  Entry entry_at(const Place& place) const {
    const WalkedEntry& walked = *place.entry;
    require_readable(place);
    Entry entry;
    entry.path = place.path();
    entry.type = walked.type;
    entry.mode = walked.stamp.mode & 07777;
    entry.mtime = whole_seconds(walked.stamp.mtime_ns);
    entry.link_target = place.directory->link_target_of(walked);
    entry.device_major = walked.device_major;
    entry.device_minor = walked.device_minor;
    // Its own name, if that was seen first: it may be the last one that is found.
    if (walked.several_names) entry.hard_link = tree_.first_name(walked);
    if (walked.type == Entry::Type::file) {
      entry.size = walked.socket ? 0 : walked.stamp.size;
      if (const std::optional<Digest> known = known_digest(walked)) entry.content = *known;
    }
    return entry;
  }

  std::optional<Digest> known_digest(const WalkedEntry& walked) const {
    if (walked.socket || walked.stamp.size == 0) return empty_content();
    const std::lock_guard lock(mutex_);
    if (!walked.content_known) return std::nullopt;
    return walked.content;
  }

  // Reads the file. Whatever the walk's answers (mode, size, time) no longer fit is an Error.
  // Another change time alone is not: a file with a new link, or replaced by an equal one, is still
  // what the walk said.
  Digest read(const Place& place, FileReader& reader) const {
    WalkedEntry& walked = *place.entry;
    require_going_on();
    require_readable(place);
    if (walked.socket) return empty_content();
    const FileDescriptor file = open_file(place);
    const std::int64_t asked = now_ns();
    const bool written = has_writer(file.get());
    const std::optional<FileStamp> before = stat_stamp(file.get(), "");
    if (!before) throw system_error("statx", path_of(place), errno);
    if (before->mode != walked.stamp.mode || before->size != walked.stamp.size ||
        before->mtime_ns != walked.stamp.mtime_ns)
      throw changed(place);
    const std::optional<Digest> digest = reader.read(file.get(), before->size, path_of(place));
    const std::optional<FileStamp> after = stat_stamp(file.get(), "");
    if (!digest || !after || *after != *before) throw changed(place);

    const bool fine = before->device == root_device_ && fine_times_;
    const std::lock_guard lock(mutex_);
    if (!walked.content_known) {
      ++figures_.files_hashed;
      figures_.bytes_hashed += before->size;
    }
    walked.content = *digest;
    walked.content_known = true;
    walked.settled = !written && is_settled(*before, asked, fine);
    if (*before != walked.stamp) other_stamps_[&walked] = *before;
    outdated_ = outdated_ || walked.settled;
    return *digest;
  }

  void require_going_on() const {
    if (stopped_) throw Error("reading the " + options_.name + " was interrupted");
  }

  std::string path_of(const Place& place) const {
    return (options_.directory / place.path()).native();
  }

  Error changed(const Place& place) const {
    return Error(quoted(place.path()) + " of the " + options_.name + " changed while it was read")
        .hint("build again when nothing writes to it");
  }

  FileDescriptor open_file(const Place& place) const {
    FileDescriptor file = open_regular_beneath(root_.get(), place.path());
    if (file) return file;
    if (errno == ENOENT || errno == ELOOP || errno == EXDEV || errno == ENOTDIR || errno == EINVAL)
      throw changed(place);
    throw system_error("openat2", path_of(place), errno)
        .hint("make it readable, or exclude it in " + std::string(ignore_file));
  }

  const Options options_;
  const FileDescriptor root_;
  const bool fine_times_ = has_fine_change_times(root_.get());
  const std::uint64_t root_device_ = stat_stamp(root_.get(), "").value_or(FileStamp{}).device;

  // A flag alone: who sees it late reads a few MiB more.
  std::atomic<bool> stopped_ = false;

  mutable std::mutex recalled_mutex_;                  // guards the next
  mutable std::shared_ptr<const StatCache> recalled_;  // as it was found; null: not open

  mutable std::mutex mutex_;  // guards what follows, and contents; never held while a file is read
  mutable bool outdated_ = false;  // the stat cache on disk does not know all contents
  // Stamps at the time of reading, where they are not the walk's.
  mutable std::unordered_map<const WalkedEntry*, FileStamp> other_stamps_;
  mutable Figures figures_;

  const ContextTree tree_;  // last: what it reads, it shows to the above
};

std::vector<Digest> DirectoryContext::digests(const std::vector<std::string_view>& files) const {
  std::vector<Digest> digests(files.size());
  std::vector<std::pair<std::size_t, Place>> unknown;  // and which of `files` it is
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const Place place = locate_file(files[i]);
    if (const std::optional<Digest> known = known_digest(*place.entry)) {
      digests[i] = *known;
    } else {
      unknown.emplace_back(i, place);
      bytes += place.entry->stamp.size;
    }
  }

  std::atomic<std::size_t> next = 0;  // shared by the threads: who takes which file
  std::atomic<bool> failed = false;
  std::mutex failure_mutex;  // guards `failure`
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      FileHasher hasher([this] { require_going_on(); });
      for (std::size_t i = next++; i < unknown.size() && !failed; i = next++)
        digests[unknown[i].first] = read(unknown[i].second, hasher);
    } catch (...) {
      failed = true;
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  const std::size_t count = worthwhile_threads(unknown.size(), bytes, 4);
  std::vector<std::thread> threads;
  threads.reserve(count);
  for (std::size_t i = 1; i < count; ++i) {
    std::thread helper = start_helper(work);
    if (!helper.joinable()) break;
    threads.push_back(std::move(helper));
  }
  work();
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  return digests;
}

int DirectoryContext::open(const Entry& entry) const {
  const Place place = locate_file(entry.path);
  require_readable(place);
  if (!place.entry->socket) return open_file(place).release();
  const int empty = ::memfd_create("socket", MFD_CLOEXEC);
  if (empty < 0) throw system_error("memfd_create", entry.path, errno);
  return empty;
}

void DirectoryContext::remember() noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (options_.state == nullptr || !outdated_) return;
    StatCacheUpdate update(*options_.state, stat_cache_file(*options_.state, options_.directory),
                           root_.get());
    tree_.for_each([&](const Directory& directory, const WalkedEntry& entry) {
      if (!has_content(entry)) return;
      const auto other = other_stamps_.find(&entry);
      const FileStamp& stamp = other == other_stamps_.end() ? entry.stamp : other->second;
      if (entry.content_known && entry.settled)
        update.add(directory.path_of(entry), stamp, entry.content);
      else
        update.add(directory.path_of(entry), entry.stamp, std::nullopt);
    });
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
