#include <cache/partial_blob.hpp>

#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <string>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const StateDirectory& state) {
  return state.root() / "partial";
}

fs::path path_of(const StateDirectory& state, const Digest& digest) {
  return folder_of(state) / digest.hex();
}

struct stat status_of(const FileDescriptor& file, const fs::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw system_error("fstat", path.string(), errno);
  return status;
}

// Whether the path still is this file's: who had the lock may have moved or removed it meanwhile.
bool is_at(const FileDescriptor& file, const fs::path& path) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0) return false;
  const struct stat here = status_of(file, path);
  return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

enum class Lock { got, busy, gone };

Lock lock(const FileDescriptor& file, const fs::path& path) {
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Lock::busy;
    if (errno != EINTR) throw system_error("flock", path.string(), errno);
  }
  return is_at(file, path) ? Lock::got : Lock::gone;
}

// Of one that is there. Empty: there is none.
FileDescriptor open_existing(const fs::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file && errno != ENOENT) throw system_error("open", path.string(), errno);
  return file;
}

}  // namespace

PartialBlob::PartialBlob(StateDirectory& state, const Digest& digest, fs::path path,
                         FileDescriptor file, bool passing)
    : state_(&state),
      digest_(digest),
      path_(std::move(path)),
      file_(std::move(file)),
      passing_(passing),
      size_(static_cast<std::uint64_t>(status_of(file_, path_).st_size)) {
  if (::lseek(file_.get(), 0, SEEK_END) < 0) throw system_error("lseek", path_.string(), errno);
}

PartialBlob::PartialBlob(PartialBlob&& other) noexcept
    : state_(other.state_),
      digest_(other.digest_),
      path_(std::exchange(other.path_, {})),
      file_(std::move(other.file_)),
      passing_(other.passing_),
      size_(other.size_),
      shown_(other.shown_) {}

PartialBlob::~PartialBlob() {
  // An empty one is of no use to anybody. Its lock is still held: who waits for it makes a new one.
  if (!path_.empty() && (passing_ || size_ == 0)) ::unlink(path_.c_str());
}

std::optional<PartialBlob> PartialBlob::attempt(StateDirectory& state, const Digest& digest) {
  const fs::path folder = folder_of(state);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("mkdir", folder.string(), errno);
  fs::path path = path_of(state, digest);
  for (;;) {
    FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) throw system_error("open", path.string(), errno);
    switch (lock(file, path)) {
      case Lock::busy:
        return std::nullopt;
      case Lock::gone:
        continue;
      case Lock::got:
        return PartialBlob(state, digest, std::move(path), std::move(file), false);
    }
  }
}

PartialBlob PartialBlob::aside(StateDirectory& state, const Digest& digest) {
  fs::path path = state.fresh_work_path();
  FileDescriptor file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) throw system_error("open", path.string(), errno);
  return {state, digest, std::move(path), std::move(file), true};
}

void PartialBlob::read(const ByteSink& sink) const {
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  for (std::uint64_t at = 0; at < size_;) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_ - at));
    const ssize_t got = ::pread(file_.get(), buffer.data(), wanted, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("pread", path_.string(), errno);
    if (got == 0) throw Error(quoted(path_.string()) + " became shorter while it was read");
    sink(std::span(buffer).first(static_cast<std::size_t>(got)));
    at += static_cast<std::uint64_t>(got);
  }
}

void PartialBlob::append(std::span<const std::byte> bytes) {
  write_all(file_.get(), bytes, path_.native());
  size_ += bytes.size();
}

void PartialBlob::show_life() {
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_ < std::chrono::seconds(1)) return;
  shown_ = now;
  // Who does not see it does the work a second time, which is no harm.
  (void)::futimens(file_.get(), nullptr);
}

void PartialBlob::clear() {
  if (::ftruncate(file_.get(), 0) != 0) throw system_error("ftruncate", path_.string(), errno);
  if (::lseek(file_.get(), 0, SEEK_SET) < 0) throw system_error("lseek", path_.string(), errno);
  size_ = 0;
}

void PartialBlob::keep() {
  const fs::path blob = state_->blobs() / digest_.hex();
  state_->holds().hold(digest_);
  if (::rename(path_.c_str(), blob.c_str()) != 0)
    throw system_error("rename", blob.string(), errno);
  path_.clear();
}

std::vector<PartialBlob::Left> PartialBlob::list(const StateDirectory& state) {
  std::vector<Left> all;
  std::error_code none;
  for (fs::directory_iterator entry(folder_of(state), none), end; entry != end;
       entry.increment(none)) {
    if (none) break;
    const auto digest = Digest::parse_hex(entry->path().filename().string());
    struct stat status {};
    if (!digest || ::lstat(entry->path().c_str(), &status) != 0) continue;
    all.push_back({*digest, static_cast<std::uint64_t>(status.st_size), status.st_mtime});
  }
  std::sort(all.begin(), all.end(),
            [](const Left& a, const Left& b) { return a.digest < b.digest; });
  return all;
}

PartialBlob::Sign PartialBlob::sign_of(const StateDirectory& state, const Digest& digest) {
  struct stat status {};
  if (::lstat(path_of(state, digest).c_str(), &status) != 0) return {};
  constexpr std::int64_t second = 1'000'000'000;
  return {static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec * second + status.st_mtim.tv_nsec};
}

std::uint64_t PartialBlob::size_of(const StateDirectory& state, const Digest& digest) {
  return sign_of(state, digest).bytes;
}

bool PartialBlob::in_use(const StateDirectory& state, const Digest& digest) {
  const fs::path path = path_of(state, digest);
  const FileDescriptor file = open_existing(path);
  return file && lock(file, path) == Lock::busy;
}

bool PartialBlob::drop(const StateDirectory& state, const Digest& digest) {
  const fs::path path = path_of(state, digest);
  const FileDescriptor file = open_existing(path);
  if (!file) return true;
  const Lock locked = lock(file, path);
  if (locked != Lock::got) return locked == Lock::gone;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    throw system_error("unlink", path.string(), errno);
  return true;
}

void PartialBlob::drop_old(const StateDirectory& state) {
  const std::int64_t now = std::time(nullptr);
  for (const Left& left : list(state))
    if (now - left.last_used > longest_unused) drop(state, left.digest);
}

}  // namespace slipway
