// type=local,src=DIR or dest=DIR: a directory, on this machine or on a file server.
//
//   DIR/records/HH/HEX   a record, by its key; HH is how HEX begins
//   DIR/blobs/HH/HEX     a blob, by its digest
//   DIR/aside/RANDOM     what is being written
//
// A file comes to its name by a rename within DIR, so a reader sees all of it or none, on a file
// server too, and writers need no lock: those of one name write the same. Nothing is synced: what a
// power failure leaves has the wrong size, or is refused by the one who asked for it, and is
// written again by the next one to have it.
#include <cache/file_descriptor.hpp>
#include <cache/layers/beneath.hpp>
#include <cache/shared/attributes.hpp>
#include <cache/shared/transports.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_size = std::size_t{1} << 20;
// What is older in aside/ belongs to nobody: its writer was killed.
constexpr time_t leftover_seconds = 24 * 60 * 60;

constexpr int folder_flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// ESTALE: removed by another machine since its folder was read.
bool is_absence(int error_number) {
  return error_number == ENOENT || error_number == ESTALE;
}

std::string random_hex() {
  Digest bits;
  if (::getrandom(bits.bytes.data(), bits.bytes.size(), 0) !=
      static_cast<ssize_t>(bits.bytes.size()))
    throw system_error("getrandom", "", errno);
  return bits.hex();
}

// A file in aside/, removed at the end of its scope unless it was placed.
class Aside {
 public:
  Aside(FileDescriptor folder, std::string path)
      : folder_(std::move(folder)),
        name_(random_hex()),
        path_(std::move(path) + "/" + name_),
        file_(::openat(folder_.get(), name_.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666)) {
    if (!file_) throw system_error("openat", path_, errno);
  }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;
  ~Aside() {
    if (!name_.empty()) ::unlinkat(folder_.get(), name_.c_str(), 0);
  }

  int file() const { return file_.get(); }
  int folder() const { return folder_.get(); }
  const std::string& path() const { return path_; }

  void place(const FileDescriptor& folder, const std::string& name) {
    // A file server says only here that it has no room.
    if (::close(file_.release()) != 0) throw system_error("close", path_, errno);
    if (::renameat(folder_.get(), name_.c_str(), folder.get(), name.c_str()) != 0)
      throw system_error("renameat", path_, errno);
    name_.clear();
  }

 private:
  FileDescriptor folder_;
  std::string name_;  // empty: nothing left to remove
  std::string path_;
  FileDescriptor file_;
};

class LocalCache : public CacheTransport {
 public:
  LocalCache(fs::path directory, TransportOptions options)
      : directory_(std::move(directory)), options_(std::move(options)) {}

  std::string name() const override { return "local cache " + quoted(directory_.string()); }

  std::optional<std::string> record(const Digest& key) override {
    struct stat status {};
    const FileDescriptor file = open_file("records", key, status);
    if (!file) return std::nullopt;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > longest_record) {
      throw Error(name() + " has a record of " + std::to_string(size) + " bytes: " + key.hex())
          .hint("none is that long; remove the file");
    }
    std::string bytes;
    bytes.reserve(size);
    if (!read_whole(file.get(), size, [&](std::span<const std::byte> piece) {
          bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        })) {
      throw Error(name() + ": the record " + key.hex() + " changed while it was read");
    }
    return bytes;
  }

  void put_record(const Digest& key, std::string_view bytes,
                  const std::vector<SharedBlob>&) override {
    const FileDescriptor root = make_root();
    Aside aside = make_aside(root);
    sweep_once(aside);
    write_all(aside.file(), bytes, aside.path());
    place(root, aside, "records", key);
  }

  bool has_blob(const SharedBlob& blob) override {
    struct stat status {};
    return open_file("blobs", blob.digest, status) && is_whole(status, blob);
  }

  bool blob(const SharedBlob& blob, const ByteSink& sink) override {
    struct stat status {};
    const FileDescriptor file = open_file("blobs", blob.digest, status);
    if (!file || !is_whole(status, blob)) return false;
    if (!read_whole(file.get(), blob.size, sink))
      throw Error(name() + ": the blob " + blob.digest.text() +
                  " became shorter while it was read");
    return true;
  }

  void put_blob(const SharedBlob& blob, const fs::path& path) override {
    const FileDescriptor source(
        ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!source) throw system_error("open", path.string(), errno);
    const FileDescriptor root = make_root();
    Aside aside = make_aside(root);
    sweep_once(aside);
    copy(source.get(), path.string(), blob, aside);
    place(root, aside, "blobs", blob.digest);
  }

 private:
  std::string path_of(std::string_view folder) const { return (directory_ / folder).string(); }

  // One that a power failure cut is none.
  static bool is_whole(const struct stat& status, const SharedBlob& blob) {
    return static_cast<std::uint64_t>(status.st_size) == blob.size;
  }

  void check_cancelled() const {
    if (options_.cancelled && options_.cancelled()) throw Error("interrupted");
  }

  // An empty one where there is no such directory.
  FileDescriptor open_directory() const {
    FileDescriptor root(::open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (root || is_absence(errno)) return root;
    throw system_error("open", directory_.string(), errno).hint("a local cache is a directory");
  }

  // An empty one where there is no such file. Whoever may write to the directory may have put a
  // link, a pipe or a device in a file's place: none of them is opened.
  FileDescriptor open_file(const char* folder, const Digest& digest, struct stat& status) const {
    const std::string hex = digest.hex();
    FileDescriptor at = open_directory();
    for (const std::string& step : {std::string(folder), hex.substr(0, 2)}) {
      if (!at) return at;
      at = FileDescriptor(::openat(at.get(), step.c_str(), folder_flags));
      if (!at && !is_absence(errno)) throw system_error("openat", path_of(folder), errno);
    }
    if (!at) return at;
    FileDescriptor file(
        ::openat(at.get(), hex.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    const std::string path = path_of(folder) + "/" + hex.substr(0, 2) + "/" + hex;
    if (!file && is_absence(errno)) return file;
    if (!file && errno == ELOOP) throw Error(quoted(path) + " is a link, not a file of a cache");
    if (!file) throw system_error("openat", path, errno);
    if (::fstat(file.get(), &status) != 0) throw system_error("fstat", path, errno);
    if (!S_ISREG(status.st_mode)) throw Error(quoted(path) + " is not a file of a cache");
    return file;
  }

  // False: there were fewer bytes.
  bool read_whole(int file, std::uint64_t size, const ByteSink& sink) const {
    std::vector<std::byte> piece(std::min<std::uint64_t>(size, piece_size));
    while (size > 0) {
      check_cancelled();
      const ssize_t got = ::read(file, piece.data(), std::min<std::uint64_t>(size, piece.size()));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw system_error("read", directory_.string(), errno);
      if (got == 0) return false;
      sink(std::span(piece).first(static_cast<std::size_t>(got)));
      size -= static_cast<std::uint64_t>(got);
    }
    return true;
  }

  void copy(int source, const std::string& path, const SharedBlob& blob, const Aside& aside) const {
    struct stat status {};
    if (::fstat(source, &status) != 0) throw system_error("fstat", path, errno);
    if (!S_ISREG(status.st_mode) || !is_whole(status, blob))
      throw Error(quoted(path) + " is not a file of " + std::to_string(blob.size) + " bytes");
    std::uint64_t left = blob.size;
    // Shares the blocks where the file system can, and stays on the file server where both are.
    while (left > 0) {
      check_cancelled();
      const ssize_t got = ::copy_file_range(source, nullptr, aside.file(), nullptr,
                                            std::min<std::uint64_t>(left, 16 * piece_size), 0);
      if (got <= 0) break;
      left -= static_cast<std::uint64_t>(got);
    }
    // The file systems that cannot say so in many ways; a failure that is one comes again here.
    const bool whole = read_whole(source, left, [&](std::span<const std::byte> piece) {
      write_all(aside.file(), piece, aside.path());
    });
    if (!whole) throw Error(quoted(path) + " became shorter while it was read");
  }

  FileDescriptor make_root() const {
    std::error_code failure;
    fs::create_directories(directory_, failure);
    if (failure) {
      throw system_error("mkdir", directory_.string(), failure.value())
          .hint("choose another directory for the cache, or write to it as its owner");
    }
    FileDescriptor root = open_directory();
    if (!root) throw Error(name() + " was removed while it was written to");
    return root;
  }

  FileDescriptor make_folder(const FileDescriptor& parent, const std::string& folder,
                             const std::string& path) const {
    if (::mkdirat(parent.get(), folder.c_str(), 0777) != 0 && errno != EEXIST)
      throw system_error("mkdirat", path, errno);
    FileDescriptor made(::openat(parent.get(), folder.c_str(), folder_flags));
    if (!made) throw system_error("openat", path, errno);
    return made;
  }

  Aside make_aside(const FileDescriptor& root) const {
    return {make_folder(root, "aside", path_of("aside")), path_of("aside")};
  }

  // Ages are told by the clock that wrote the file that was just made, which may be a server's.
  void sweep_once(const Aside& aside) {
    if (swept_.exchange(true)) return;
    struct stat now {};
    if (::fstat(aside.file(), &now) != 0) throw system_error("fstat", aside.path(), errno);
    const FileDescriptor folder(::openat(aside.folder(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) throw system_error("openat", path_of("aside"), errno);
    for (const std::string& leftover : sorted_names(folder.get())) {
      struct stat status {};
      if (::fstatat(folder.get(), leftover.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (S_ISDIR(status.st_mode) || now.st_mtime - status.st_mtime < leftover_seconds) continue;
      ::unlinkat(folder.get(), leftover.c_str(), 0);  // somebody else may have been faster
    }
  }

  void place(const FileDescriptor& root, Aside& aside, const std::string& folder,
             const Digest& digest) const {
    const std::string hex = digest.hex();
    const std::string path = path_of(folder);
    const FileDescriptor outer = make_folder(root, folder, path);
    const FileDescriptor inner = make_folder(outer, hex.substr(0, 2), path);
    aside.place(inner, hex);
  }

  const fs::path directory_;
  const TransportOptions options_;
  std::atomic<bool> swept_ =
      false;  // aside/ is looked through once; which thread's does not matter
};

}  // namespace

std::unique_ptr<CacheTransport> open_local(const CacheSpec& spec, TransportOptions options) {
  const std::string name = options.write ? "dest" : "src";
  check_attributes(spec, {name});
  fs::path directory = required_attribute(spec, name, "DIRECTORY");
  return std::make_unique<LocalCache>(fs::absolute(directory), std::move(options));
}

}  // namespace slipway
