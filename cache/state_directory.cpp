#include <cache/state_directory.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/first_of_name.hpp>
#include <cache/remove_tree.hpp>
#include <ir/error.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <vector>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view format = "slipway 1\n";

// Layers hold set-user-ID programs of other systems: nobody else may get at them.
constexpr mode_t private_mode = 0700;

constexpr std::array folders = {"layers", "blobs", "contexts", "locks", "work"};
constexpr const char* version_file = "version";
constexpr const char* version_aside = "version.new";
constexpr const char* ids_file = "ids";

// What is in it where ids are the machine's own; else it has their maps, and marks are user.*.
constexpr const char* roots_claim = "root's";
constexpr const char* containers_claim = "root's, without CAP_SYS_ADMIN";

void make_folder(const fs::path& path) {
  if (::mkdir(path.c_str(), private_mode) != 0 && errno != EEXIST)
    throw system_error("mkdir", path.string(), errno);
}

FileDescriptor open_folder(const fs::path& path) {
  FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) throw system_error("open", path.string(), errno);
  return folder;
}

// False: LOCK_NB was asked for, and another holds it.
bool flock_waiting(int descriptor, int operation, const fs::path& path) {
  while (::flock(descriptor, operation) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) throw system_error("flock", path.string(), errno);
  }
  return true;
}

// Empty: there is none.
std::string read_version(const fs::path& root) {
  const fs::path path = root / version_file;
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) {
    if (errno == ENOENT) return {};
    throw system_error("open", path.string(), errno);
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw system_error("fstat", path.string(), errno);
  // Also root's: what it wrote here, the user could not change or remove any more.
  if (status.st_uid != ::geteuid()) {
    throw Error("the store " + quoted(root.string()) + " belongs to another user (id " +
                std::to_string(status.st_uid) + ")")
        .hint("run slipway as that user, or give another --root");
  }
  std::array<char, 64> buffer;
  const ssize_t length = ::read(file.get(), buffer.data(), buffer.size());
  if (length < 0) throw system_error("read", path.string(), errno);
  if (length == 0) return "(empty)";
  return {buffer.data(), static_cast<std::size_t>(length)};
}

void check_version(const fs::path& root, const std::string& found) {
  if (found == format) return;
  throw Error("the store " + quoted(root.string()) + " has the format " +
              quoted(found.substr(0, found.find('\n'))) + "; this slipway knows " +
              quoted(format.substr(0, format.size() - 1)))
      .hint("use the slipway that wrote it, or give another --root");
}

std::vector<std::string> names_in(int folder, const fs::path& path) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) throw system_error("open", path.string(), errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
  if (!stream) {
    ::close(copy);
    throw system_error("fdopendir", path.string(), errno);
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

// Under the root's own lock: of several processes one makes the store, the others find it.
void make_store(const fs::path& root) {
  const FileDescriptor folder = open_folder(root);
  flock_waiting(folder.get(), LOCK_EX, root);
  if (const std::string found = read_version(root); !found.empty())
    return check_version(root, found);
  // What a process that was killed here left behind is ours; anything else is somebody's.
  for (const std::string& name : names_in(folder.get(), root)) {
    if (name == version_aside || name == "lost+found" ||
        std::find(folders.begin(), folders.end(), name) != folders.end())
      continue;
    throw Error(quoted(root.string()) + " is neither empty nor a store of slipway: it holds " +
                quoted(name))
        .hint("give an empty folder, or one that does not exist, as --root");
  }
  if (::fchmod(folder.get(), private_mode) != 0) throw system_error("fchmod", root.string(), errno);
  for (const char* name : folders) make_folder(root / name);

  const fs::path aside = root / version_aside;
  const FileDescriptor file(
      ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) throw system_error("open", aside.string(), errno);
  if (::write(file.get(), format.data(), format.size()) != static_cast<ssize_t>(format.size()))
    throw system_error("write", aside.string(), errno);
  // Once in a store's life. An empty version file after a power failure would lock everyone out.
  if (::fsync(file.get()) != 0) throw system_error("fsync", aside.string(), errno);
  if (::rename(aside.c_str(), (root / version_file).c_str()) != 0)
    throw system_error("rename", aside.string(), errno);
}

std::string random_name() {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits))
    throw system_error("getrandom", "", errno);
  return std::to_string(::getpid()) + "-" + std::to_string(bits);
}

std::optional<FileDescriptor> locked_file(const fs::path& path, bool wait) {
  for (;;) {
    FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) throw system_error("open", path.string(), errno);
    if (!flock_waiting(file.get(), LOCK_EX | (wait ? 0 : LOCK_NB), path)) return std::nullopt;
    // The one who held it removed the file with its lock: what we have is a lock on nothing.
    struct stat held {};
    if (::fstat(file.get(), &held) != 0) throw system_error("fstat", path.string(), errno);
    if (held.st_nlink > 0) return file;
  }
}

fs::path lock_path(const fs::path& root, std::string_view name) {
  const bool fits = !name.empty() && name.size() <= 200 &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos;
  if (!fits) throw Error("a lock cannot be called " + quoted(name));
  return root / "locks" / (std::string(name) + ".lock");
}

// The folders below work/ are locked by the processes they belong to, as long as these live.
// work/ itself is held shared by one who makes a folder, until it is locked, and exclusively by
// one who looks for dead ones, so a folder is never seen between the two.
class WorkFolder {
 public:
  // `died`: made before anything is removed, so that somebody who is killed in between has not
  // hidden that another was.
  WorkFolder(const fs::path& work, const fs::path& died) {
    remove_dead(work, died);
    const FileDescriptor parent = open_folder(work);
    flock_waiting(parent.get(), LOCK_SH, work);
    path_ = work / random_name();
    if (::mkdir(path_.c_str(), private_mode) != 0)
      throw system_error("mkdir", path_.string(), errno);
    lock_ = open_folder(path_);
    flock_waiting(lock_.get(), LOCK_EX, path_);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder() {
    // What cannot be removed now is found by the next process: the lock ends with this one.
    remove_tree(path_);
  }

  const fs::path& path() const { return path_; }

 private:
  static void remove_dead(const fs::path& work, const fs::path& died) {
    struct Dead {
      fs::path path;
      FileDescriptor lock;  // held until it is gone, so that two never remove the same one
    };
    std::vector<Dead> dead;
    {
      const FileDescriptor parent = open_folder(work);
      if (!flock_waiting(parent.get(), LOCK_EX | LOCK_NB, work)) return;  // the next will look
      for (const std::string& name : names_in(parent.get(), work)) {
        const fs::path path = work / name;
        FileDescriptor folder(
            ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!folder || !flock_waiting(folder.get(), LOCK_EX | LOCK_NB, path)) continue;
        // One whose owner removed it since its name was read is nobody's who died.
        struct stat status {};
        if (::fstat(folder.get(), &status) != 0) throw system_error("fstat", path.string(), errno);
        if (status.st_nlink > 0) dead.push_back({path, std::move(folder)});
      }
    }
    if (dead.empty()) return;
    const FileDescriptor mark(
        ::open(died.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!mark) throw system_error("open", died.string(), errno);
    // What fails is tried again, as in the destructor.
    for (const Dead& folder : dead) remove_tree(folder.path);
  }

  fs::path path_;
  FileDescriptor lock_;
};

}  // namespace

FileLock::FileLock(FileLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ < 0) return;
  // Removed while it is held: whoever waits for it sees that, and makes a new one.
  ::unlink(path_.c_str());
  ::close(descriptor_);
}

struct StateDirectory::Own {
  FileDescriptor store_lock;  // shared
  // Guards `work`, which is made by the first thread that asks for a path in it.
  std::mutex mutex;
  std::optional<WorkFolder> work;
  std::atomic<std::uint64_t> next{0};  // names within it
  Holds holds;

  explicit Own(fs::path holds_file) : holds(std::move(holds_file)) {}
};

StateDirectory::StateDirectory(fs::path root)
    : root_(fs::absolute(root).lexically_normal()), own_(std::make_unique<Own>(holds_file())) {
  std::string version = read_version(root_);
  if (version.empty()) {
    std::error_code failed;
    fs::create_directories(root_, failed);
    if (failed) throw system_error("mkdir", root_.string(), failed.value());
    make_store(root_);
  } else {
    check_version(root_, version);
    for (const char* name : folders) make_folder(root_ / name);
  }
  const fs::path lock = root_ / "locks" / "store";
  own_->store_lock =
      FileDescriptor(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!own_->store_lock) throw system_error("open", lock.string(), errno);
  flock_waiting(own_->store_lock.get(), LOCK_SH, lock);
}

StateDirectory::~StateDirectory() = default;

Holds& StateDirectory::holds() const {
  return own_->holds;
}

fs::path StateDirectory::default_root() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const std::string root = variable("SLIPWAY_ROOT"); !root.empty()) return fs::absolute(root);
  if (::geteuid() == 0) return "/var/lib/slipway";
  // A relative one is to be ignored (XDG base directory specification).
  if (const std::string data = variable("XDG_DATA_HOME"); data.starts_with('/'))
    return fs::path(data) / "slipway";
  std::string home = variable("HOME");
  if (home.empty())
    if (const passwd* user = ::getpwuid(::geteuid())) home = user->pw_dir;
  if (!home.starts_with('/'))
    throw Error("there is no home directory to keep images in")
        .hint("give --root or $SLIPWAY_ROOT");
  return fs::path(home) / ".local/share/slipway";
}

// Of a store without the file, which are those from before root's had one: whoever filled it was
// root.
std::optional<std::string> StateDirectory::claimed() const {
  const fs::path path = root_ / ids_file;
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file && errno == ENOENT) {
    if (names_in(open_folder(layers()).get(), layers()).empty()) return std::nullopt;
    return roots_claim;
  }
  if (!file) throw system_error("open", path.string(), errno);
  std::string text(std::size_t{64} << 10, '\0');  // some 1,000 ranges; the kernel takes 340
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) throw system_error("read", path.string(), errno);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

void StateDirectory::claim(const std::string& maps, OverlayMarks marks) {
  // In a user namespace marks are always user.*.
  const std::string wanted = !maps.empty()                 ? maps
                             : marks == OverlayMarks::user ? containers_claim
                                                           : roots_claim;
  std::optional<std::string> known = claimed();
  if (!known) {
    // Never over one that is there: it says what has been written already.
    write_first_of_name(root_ / ids_file, fresh_work_path(), wanted);
    known = claimed();
  }
  if (*known == wanted) return;
  const std::string store = "the store " + quoted(root_.string());
  if (*known == containers_claim && wanted == roots_claim) {
    throw Error(store +
                " keeps what layers remove in user.* attributes, where a process with "
                "CAP_SYS_ADMIN does not look")
        .hint(
            "it was filled in a container without that capability: go on in such a one, or give "
            "another --root");
  }
  if (*known == roots_claim && wanted == containers_claim) {
    throw Error(store +
                " keeps what layers remove in trusted.* attributes, which take CAP_SYS_ADMIN")
        .hint("start this container with --privileged, or give another --root");
  }
  throw Error(store + " has files of other user ids than this user has now")
      .hint("its ids were " + *known +
            "; give another --root, or the ranges of /etc/subuid and "
            "/etc/subgid back");
}

fs::path StateDirectory::own_work() {
  const std::lock_guard guard(own_->mutex);
  if (!own_->work) own_->work.emplace(work(), died());
  return own_->work->path();
}

fs::path StateDirectory::fresh_work_path() {
  return own_work() / std::to_string(own_->next++);
}

FileLock StateDirectory::lock(std::string_view name) {
  const fs::path path = lock_path(root_, name);
  return FileLock(locked_file(path, true)->release(), path);
}

FileLock StateDirectory::try_lock(std::string_view name) {
  const fs::path path = lock_path(root_, name);
  std::optional<FileDescriptor> file = locked_file(path, false);
  return file ? FileLock(file->release(), path) : FileLock(-1, {});
}

}  // namespace slipway
