#include <cache/stat_cache/stat_cache.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/layers/entry.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <span>

namespace slipway {
namespace {

// The file: header, `count` records in path order, then all paths one after the other. Numbers as
// the machine has them: the file never leaves it.
struct Header {
  char magic[16];
  std::uint64_t checksum;  // of everything behind this field
  std::uint64_t count;
  std::uint64_t path_bytes;
};
static_assert(sizeof(Header) == 40);

struct Record {
  std::uint32_t path_at;  // in the paths
  std::uint32_t seen;     // days since the epoch
  std::uint64_t device;
  std::uint64_t inode;
  std::uint64_t size;
  std::int64_t mtime_ns;
  std::int64_t ctime_ns;
  std::uint32_t path_size;
  std::uint32_t mode;
  std::uint8_t digest[32];
};
static_assert(sizeof(Record) == 88);

constexpr char magic[16] = "slipway stat 2\n";
constexpr std::size_t checked_from = offsetof(Header, checksum) + sizeof(Header::checksum);

// Against torn pages and flipped bits, not against people: a digest that is wrong by one bit would
// give a wrong layer. Four lanes, because it runs over the whole file at every build.
class Checksum {
 public:
  // In pieces of any size.
  void add(std::string_view bytes) {
    size_ += bytes.size();
    if (!rest_.empty()) {
      const std::size_t taken = std::min(block - rest_.size(), bytes.size());
      rest_ += bytes.substr(0, taken);
      bytes.remove_prefix(taken);
      if (rest_.size() < block) return;
      add_block(rest_.data());
      rest_.clear();
    }
    for (; bytes.size() >= block; bytes.remove_prefix(block)) add_block(bytes.data());
    rest_ = bytes;
  }

  std::uint64_t finish() {
    for (const char byte : rest_) lanes_[0] = mix(lanes_[0], static_cast<unsigned char>(byte));
    std::uint64_t sum = size_;
    for (const std::uint64_t lane : lanes_) sum = mix(sum, lane ^ (lane >> 31));
    return sum;
  }

 private:
  static constexpr std::size_t block = 32;
  static constexpr std::uint64_t prime = 0x9E3779B185EBCA87;

  static std::uint64_t mix(std::uint64_t lane, std::uint64_t word) {
    return std::rotl(lane ^ (word * 0xC2B2AE3D27D4EB4F), 29) * prime;
  }

  void add_block(const char* bytes) {
    std::uint64_t words[4];
    std::memcpy(words, bytes, block);
    for (int i = 0; i < 4; ++i) lanes_[i] = mix(lanes_[i], words[i]);
  }

  std::uint64_t lanes_[4] = {prime, prime * 3, prime * 5, prime * 7};
  std::uint64_t size_ = 0;
  std::string rest_;  // less than a block
};

std::uint64_t checksum_of(std::string_view bytes) {
  Checksum checksum;
  checksum.add(bytes);
  return checksum.finish();
}

}  // namespace

struct StatCache::Mapping {
  const char* bytes = nullptr;
  std::size_t length = 0;
  std::uint64_t count = 0;

  Mapping() = default;
  Mapping(const Mapping&) = delete;
  ~Mapping() {
    if (bytes != nullptr) ::munmap(const_cast<char*>(bytes), length);
  }

  Record record(std::size_t position) const {
    Record record;
    std::memcpy(&record, bytes + sizeof(Header) + position * sizeof(Record), sizeof record);
    return record;
  }
  const char* paths() const { return bytes + sizeof(Header) + count * sizeof(Record); }
  std::string_view path(const Record& record) const {
    return {paths() + record.path_at, record.path_size};
  }

  // Whether all of it may be used as it is.
  bool is_whole() {
    if (length < sizeof(Header)) return false;
    Header header;
    std::memcpy(&header, bytes, sizeof header);
    if (std::memcmp(header.magic, magic, sizeof magic) != 0) return false;
    const std::uint64_t behind = length - sizeof(Header);
    if (header.count > behind / sizeof(Record)) return false;
    if (header.path_bytes != behind - header.count * sizeof(Record)) return false;
    if (header.checksum != checksum_of({bytes + checked_from, length - checked_from})) return false;
    count = header.count;
    // A checksum says that nothing changed, not that what was written made sense.
    for (std::size_t i = 0; i < count; ++i) {
      const Record one = record(i);
      if (one.path_at > header.path_bytes || one.path_size > header.path_bytes - one.path_at)
        return false;
    }
    return true;
  }
};

StatCache::StatCache() = default;
StatCache::StatCache(StatCache&&) noexcept = default;
StatCache& StatCache::operator=(StatCache&&) noexcept = default;
StatCache::~StatCache() = default;

StatCache StatCache::open(const std::filesystem::path& file) noexcept {
  StatCache cache;
  const FileDescriptor descriptor(
      ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  if (!descriptor || ::fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      status.st_size <= 0)
    return cache;
  auto mapping = std::make_unique<Mapping>();
  const auto length = static_cast<std::size_t>(status.st_size);
  // The file is only ever replaced, never written to, so the mapping keeps what was checked.
  void* const address =
      ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor.get(), 0);
  if (address == MAP_FAILED) return cache;
  mapping->bytes = static_cast<const char*>(address);
  mapping->length = length;
  if (mapping->is_whole()) cache.mapping_ = std::move(mapping);
  return cache;
}

std::size_t StatCache::size() const {
  return mapping_ ? mapping_->count : 0;
}

std::string_view StatCache::path(std::size_t position) const {
  return mapping_->path(mapping_->record(position));
}

FileStamp StatCache::stamp(std::size_t position) const {
  const Record record = mapping_->record(position);
  return {record.device, record.inode, record.size, record.mtime_ns, record.ctime_ns, record.mode};
}

Digest StatCache::digest(std::size_t position) const {
  const Record record = mapping_->record(position);
  Digest digest;
  std::memcpy(digest.bytes.data(), record.digest, digest.bytes.size());
  return digest;
}

std::optional<Digest> StatCacheCursor::find(std::string_view path, const FileStamp& stamp) {
  if (next_ >= cache_.size() || cache_.path(next_) != path) next_ = first_not_before(path);
  if (next_ >= cache_.size() || cache_.path(next_) != path) return std::nullopt;
  const std::size_t position = next_++;
  if (cache_.stamp(position) != stamp) return std::nullopt;
  return cache_.digest(position);
}

std::size_t StatCacheCursor::first_not_before(std::string_view path) const {
  std::size_t low = 0;
  std::size_t high = cache_.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (path_less(cache_.path(middle), path))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

std::uint32_t StatCache::seen(std::size_t position) const {
  return mapping_->record(position).seen;
}

void StatCacheWriter::add(std::string_view path, const FileStamp& stamp, const Digest& digest,
                          std::uint32_t seen) {
  // What the format cannot hold is read again at every build.
  if (paths_.size() + path.size() > std::numeric_limits<std::uint32_t>::max()) return;
  Record record{};
  record.path_at = static_cast<std::uint32_t>(paths_.size());
  record.seen = seen;
  record.path_size = static_cast<std::uint32_t>(path.size());
  record.device = stamp.device;
  record.inode = stamp.inode;
  record.size = stamp.size;
  record.mtime_ns = stamp.mtime_ns;
  record.ctime_ns = stamp.ctime_ns;
  record.mode = stamp.mode;
  std::memcpy(record.digest, digest.bytes.data(), digest.bytes.size());
  records_.append(reinterpret_cast<const char*>(&record), sizeof record);
  paths_ += path;
  ++count_;
}

void StatCacheWriter::write(const std::filesystem::path& aside, const std::filesystem::path& file) {
  Header header{};
  std::memcpy(header.magic, magic, sizeof magic);
  header.count = count_;
  header.path_bytes = paths_.size();
  Checksum checksum;
  checksum.add(
      std::string_view(reinterpret_cast<const char*>(&header), sizeof header).substr(checked_from));
  checksum.add(records_);
  checksum.add(paths_);
  header.checksum = checksum.finish();

  const FileDescriptor descriptor(
      ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!descriptor) throw system_error("open", aside.native(), errno);
  const std::string& name = aside.native();
  // Not synced: after a power failure the checksum tells a file that was not written out.
  try {
    write_all(descriptor.get(), std::as_bytes(std::span(&header, 1)), name);
    write_all(descriptor.get(), records_, name);
    write_all(descriptor.get(), paths_, name);
    if (::rename(aside.c_str(), file.c_str()) != 0)
      throw system_error("rename", file.native(), errno);
  } catch (...) {
    ::unlink(aside.c_str());
    throw;
  }
}

std::filesystem::path stat_cache_file(const StateDirectory& state,
                                      const std::filesystem::path& context) {
  return state.contexts() / sha256(std::filesystem::canonical(context).native()).hex();
}

}  // namespace slipway
