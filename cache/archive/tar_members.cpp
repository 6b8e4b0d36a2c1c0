#include <cache/archive/tar_members.hpp>

#include <cache/layers/archive_locale.hpp>
#include <cache/layers/entry.hpp>
#include <ir/error.hpp>

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <new>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr std::size_t max_members = 100'000;
constexpr int max_links = 10;

// "./a//b/../c" as "a/c". What would leave the archive stays in it: names are only compared.
std::string clean(std::string_view raw) {
  std::string path;
  for (std::size_t at = 0; at < raw.size();) {
    const std::size_t slash = std::min(raw.find('/', at), raw.size());
    const std::string_view name = raw.substr(at, slash - at);
    at = slash + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      path.resize(parent_path(path).size());
      continue;
    }
    if (!path.empty()) path += '/';
    path += name;
  }
  return path;
}

// libarchive's reader over a part of a file that others read too: it keeps its own offset.
class Reader {
 public:
  Reader(int file, std::int64_t offset) : file_(file), offset_(offset), reader_(archive_read_new()) {
    if (reader_ == nullptr) throw std::bad_alloc();
    const BytesLocale locale;
    archive_read_support_format_tar(reader_);
    archive_read_set_callback_data(reader_, this);
    archive_read_set_read_callback(reader_, on_read);
    archive_read_set_skip_callback(reader_, on_skip);
    check(archive_read_open1(reader_));
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { archive_read_free(reader_); }

  archive_entry* next() {
    const BytesLocale locale;
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(reader_, &entry);
    if (result == ARCHIVE_EOF) return nullptr;
    // A warning is about names that are not ASCII, which are not converted on purpose.
    if (result != ARCHIVE_WARN) check(result);
    return entry;
  }
  std::int64_t position() const { return archive_read_header_position(reader_); }
  std::size_t read(std::span<std::byte> buffer) {
    const la_ssize_t got = archive_read_data(reader_, buffer.data(), buffer.size());
    if (got < 0) check(static_cast<int>(got));
    return static_cast<std::size_t>(got);
  }

 private:
  void check(int result) {
    if (result == ARCHIVE_OK) return;
    const char* reason = archive_error_string(reader_);
    throw Error("the archive is no tar, or damaged: " +
                std::string(reason == nullptr ? "unknown reason" : reason));
  }

  static la_ssize_t on_read(archive* reader, void* user, const void** data) {
    auto& self = *static_cast<Reader*>(user);
    ssize_t got = 0;
    do {
      got = ::pread(self.file_, self.buffer_.data(), self.buffer_.size(), self.offset_);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
      archive_set_error(reader, errno, "cannot be read");
      return -1;
    }
    self.offset_ += got;
    *data = self.buffer_.data();
    return got;
  }
  static la_int64_t on_skip(archive*, void* user, la_int64_t size) {
    auto& self = *static_cast<Reader*>(user);
    // Not beyond the end, where a cut-off archive would look like one that ends.
    struct stat status {};
    if (::fstat(self.file_, &status) != 0) return 0;
    size = std::clamp<la_int64_t>(status.st_size - self.offset_, 0, size);
    self.offset_ += size;
    return size;
  }

  int file_;
  std::int64_t offset_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(std::size_t{128} << 10);
  archive* reader_;
};

class MemberSource : public ByteSource {
 public:
  MemberSource(int file, std::int64_t header) : reader_(file, header) {
    if (reader_.next() == nullptr) throw Error("the archive changed while it was read");
  }
  std::size_t read(std::span<std::byte> buffer) override { return reader_.read(buffer); }

 private:
  Reader reader_;
};

class TarMembers : public ArchiveMembers {
 public:
  explicit TarMembers(FileDescriptor file) : file_(std::move(file)) {
    Reader reader(file_.get(), 0);
    std::size_t count = 0;
    while (archive_entry* const entry = reader.next()) {
      if (++count > max_members) {
        throw Error("the archive has more than " + std::to_string(max_members) + " members");
      }
      const char* const raw = archive_entry_pathname(entry);
      if (raw == nullptr) continue;
      const std::string name = clean(raw);
      Member member{.header = reader.position(), .link = {}};
      if (const char* target = archive_entry_hardlink(entry)) {
        member.link = clean(target);
      } else if (archive_entry_filetype(entry) == AE_IFLNK) {
        const char* const symlink = archive_entry_symlink(entry);
        if (symlink == nullptr) continue;
        member.link = clean(std::string(parent_path(name)) + "/" + symlink);
      } else if (archive_entry_filetype(entry) != AE_IFREG) {
        continue;
      }
      members_.insert_or_assign(name, std::move(member));  // the last of a name counts
    }
    if (count == 0) throw Error("the archive is empty");
  }

  bool has(std::string_view name) const override { return find(name) != nullptr; }
  std::unique_ptr<ByteSource> open(std::string_view name) const override {
    const Member* member = find(name);
    if (member == nullptr) throw Error("the archive has no " + quoted(name));
    return std::make_unique<MemberSource>(file_.get(), member->header);
  }

 private:
  struct Member {
    std::int64_t header = 0;  // where its header begins, bytes from the start of the file
    std::string link;         // empty: a regular file
  };

  const Member* find(std::string_view name) const {
    std::string current = clean(name);
    for (int i = 0; i < max_links; ++i) {
      const auto found = members_.find(current);
      if (found == members_.end()) return nullptr;
      if (found->second.link.empty()) return &found->second;
      current = found->second.link;
    }
    return nullptr;
  }

  FileDescriptor file_;
  std::map<std::string, Member> members_;
};

}  // namespace

std::unique_ptr<ArchiveMembers> open_tar_members(FileDescriptor file) {
  return std::make_unique<TarMembers>(std::move(file));
}

}  // namespace slipway
