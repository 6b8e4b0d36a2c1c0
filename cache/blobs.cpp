#include <cache/blobs.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace slipway {
namespace {

namespace fs = std::filesystem;

fs::path path_of(const StateDirectory& state, const Digest& digest) {
  return state.blobs() / digest.hex();
}

FileDescriptor open_blob(const StateDirectory& state, const Digest& digest) {
  state.holds().hold(digest);
  const fs::path path = path_of(state, digest);
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file && errno == ENOENT)
    throw Error("the store does not have the blob " + digest.text());
  if (!file) throw system_error("open", path.string(), errno);
  return file;
}

// Hashes on the way: a blob that was never synced before a power failure may hold anything, and
// nothing but its digest says so.
class VerifiedSource : public ByteSource {
 public:
  VerifiedSource(FileDescriptor file, fs::path path, const Digest& digest)
      : file_(std::move(file)), path_(std::move(path)), digest_(digest) {}

  std::size_t read(std::span<std::byte> buffer) override {
    if (buffer.empty() || finished_) return 0;
    ssize_t length = 0;
    do {
      length = ::read(file_.get(), buffer.data(), buffer.size());
    } while (length < 0 && errno == EINTR);
    if (length < 0) throw system_error("read", path_.string(), errno);
    if (length > 0) {
      hasher_.update(buffer.first(static_cast<std::size_t>(length)));
      return static_cast<std::size_t>(length);
    }
    finished_ = true;
    if (hasher_.finish() != digest_) {
      ::unlink(path_.c_str());  // so that the next attempt finds none, and fetches it
      throw Error("the blob " + digest_.text() + " was damaged in the store; it has been removed")
          .hint("pull or build the image again");
    }
    return 0;
  }

 private:
  FileDescriptor file_;
  fs::path path_;
  Digest digest_;
  Hasher hasher_;
  bool finished_ = false;
};

class FileWriter : public BlobStore::Writer {
 public:
  explicit FileWriter(StateDirectory& state)
      : state_(state),
        aside_(state.fresh_work_path()),
        file_(::open(aside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
    if (!file_) throw system_error("open", aside_.string(), errno);
  }
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  ~FileWriter() override {
    if (!aside_.empty()) ::unlink(aside_.c_str());
  }

  void write(std::span<const std::byte> bytes) override {
    hasher_.update(bytes);
    write_all(file_.get(), bytes, aside_.native());
  }

  Digest finish(const std::optional<Digest>& expected) override {
    const Digest digest = hasher_.finish();
    if (expected && digest != *expected)
      throw Error("a blob has the digest " + digest.text() + " instead of " + expected->text());
    const fs::path path = path_of(state_, digest);
    state_.holds().hold(digest);
    if (::rename(aside_.c_str(), path.c_str()) != 0)
      throw system_error("rename", path.string(), errno);
    aside_.clear();
    return digest;
  }

 private:
  StateDirectory& state_;
  fs::path aside_;  // empty: nothing left to remove
  FileDescriptor file_;
  Hasher hasher_;
};

}  // namespace

BlobStore::BlobStore(StateDirectory& state) : state_(state) {}

bool BlobStore::has(const Digest& digest) const { return size(digest).has_value(); }

std::optional<std::uint64_t> BlobStore::size(const Digest& digest) const {
  state_.holds().hold(digest);
  const fs::path path = path_of(state_, digest);
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::nullopt;
    throw system_error("lstat", path.string(), errno);
  }
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size);
}

std::unique_ptr<ByteSource> BlobStore::open(const Digest& digest) const {
  return std::make_unique<VerifiedSource>(open_blob(state_, digest), path_of(state_, digest),
                                          digest);
}

std::string BlobStore::read(const Digest& digest) const {
  const std::unique_ptr<ByteSource> source = open(digest);
  std::string bytes;
  std::byte buffer[16384];
  while (const std::size_t length = source->read(buffer)) {
    bytes.append(reinterpret_cast<const char*>(buffer), length);
    if (bytes.size() > longest_read)
      throw Error("the blob " + digest.text() + " is too large to be a manifest or a config");
  }
  return bytes;
}

std::unique_ptr<BlobStore::Writer> BlobStore::create() {
  return std::make_unique<FileWriter>(state_);
}

Digest BlobStore::put(std::string_view bytes) {
  const std::unique_ptr<Writer> writer = create();
  writer->write(std::as_bytes(std::span(bytes)));
  return writer->finish(std::nullopt);
}

}  // namespace slipway
