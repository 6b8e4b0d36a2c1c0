// The index's file, all numbers little-endian:
//
//     0  "slipidx1"
//     8  count of entries (64 bits)
//    16  size of the heap (64 bits)
//    24  diffID (32 bytes), 56 tree digest (32 bytes), 88 size of the layer (64 bits)
//    96  sha256 of all that follows the header
//   128  sha256 of the bytes 0 to 127
//   160  the records, one of 80 bytes an entry (index_record.hpp), in path order
//        the heap: paths, link targets, xattrs, in the order of the entries
//
// Opening reads the header alone: its digest and the file's length tell a torn or truncated file,
// whatever its size. Checking 100,000 entries each time would cost more than a whole cached build,
// so a record is checked when it is read, and its digest by verify().
#include <cache/layers/index.hpp>
#include <cache/layers/index_record.hpp>
#include <cache/layers/index_writer.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace slipway {
namespace {

constexpr std::string_view magic = "slipidx1";

struct Header {
  char magic[8];
  std::uint64_t count;
  std::uint64_t heap_size;
  std::uint8_t diff_id[32];
  std::uint8_t tree[32];
  std::uint64_t layer_size;
  std::uint8_t body_digest[32];
  std::uint8_t header_digest[32];

  static constexpr std::size_t sealed = 128;  // what header_digest covers
};
static_assert(sizeof(Header) == 160);

void copy_out(std::uint8_t (&to)[32], const Digest& digest) {
  std::memcpy(to, digest.bytes.data(), sizeof to);
}

Digest digest_of(const std::uint8_t (&from)[32]) {
  Digest digest;
  std::memcpy(digest.bytes.data(), from, sizeof from);
  return digest;
}

// Throws Error if `bytes` is not a whole index.
Header read_header(std::string_view bytes) {
  const auto fail = [] { throw Error("it is no layer index, or was cut off"); };
  Header header;
  if (bytes.size() < sizeof header) fail();
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::string_view(header.magic, sizeof header.magic) != magic) fail();
  if (sha256(bytes.substr(0, Header::sealed)) != digest_of(header.header_digest)) fail();
  const std::size_t body = bytes.size() - sizeof header;
  if (header.count > body / sizeof(IndexRecord)) fail();
  if (header.heap_size != body - header.count * sizeof(IndexRecord)) fail();
  return header;
}

}  // namespace

std::string IndexWriter::finish(const LayerRef& layer) {
  Header header{};
  std::memcpy(header.magic, magic.data(), sizeof header.magic);
  header.count = count_;
  header.heap_size = heap_.size();
  copy_out(header.diff_id, layer.diff_id.digest);
  copy_out(header.tree, layer.tree.digest);
  header.layer_size = layer.size;
  Hasher body;
  body.update(records_);
  body.update(heap_);
  copy_out(header.body_digest, body.finish());
  const char* const raw = reinterpret_cast<const char*>(&header);
  copy_out(header.header_digest, sha256({raw, Header::sealed}));

  // In place: there may be as many records as a context has files.
  std::string file = std::move(records_);
  file.insert(0, raw, sizeof header);
  file += heap_;
  *this = IndexWriter();
  return file;
}

struct LayerIndex::Mapping {
  std::string owned;            // of from_bytes()
  void* mapped = MAP_FAILED;    // of open()
  std::string_view bytes;       // the file: of either
  Digest body_digest;
  LayerRef layer;
  IndexBody body;

  Mapping() = default;
  Mapping(const Mapping&) = delete;
  ~Mapping() {
    if (mapped != MAP_FAILED) ::munmap(mapped, bytes.size());
  }

  void read() {
    const Header header = read_header(bytes);
    body_digest = digest_of(header.body_digest);
    layer.diff_id.digest = digest_of(header.diff_id);
    layer.tree.digest = digest_of(header.tree);
    layer.size = header.layer_size;
    const std::string_view rest = bytes.substr(sizeof header);
    body.records = rest.data();
    body.count = static_cast<std::size_t>(header.count);
    body.heap = rest.substr(body.count * sizeof(IndexRecord));
  }
};

LayerIndex::LayerIndex(std::unique_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {}
LayerIndex::~LayerIndex() = default;

std::shared_ptr<const LayerIndex> LayerIndex::open(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) throw system_error("open", file.native(), errno);
  auto mapping = std::make_unique<Mapping>();
  struct stat status {};
  int error = ::fstat(descriptor, &status) == 0 ? 0 : errno;
  const auto size = static_cast<std::size_t>(status.st_size);
  if (error == 0 && size > 0) {
    mapping->mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapping->mapped == MAP_FAILED) {
      error = errno;
    } else {
      mapping->bytes = {static_cast<const char*>(mapping->mapped), size};
    }
  }
  ::close(descriptor);  // a mapping needs it no longer
  if (error != 0) throw system_error("mmap", file.native(), error);
  try {
    mapping->read();
  } catch (const Error& failure) {
    throw Error("cannot use " + quoted(file.native()) + ": " + failure.what())
        .hint("run slipway fsck");
  }
  return std::shared_ptr<const LayerIndex>(new LayerIndex(std::move(mapping)));
}

std::shared_ptr<const LayerIndex> LayerIndex::from_bytes(std::string bytes) {
  auto mapping = std::make_unique<Mapping>();
  mapping->owned = std::move(bytes);
  mapping->bytes = mapping->owned;
  mapping->read();
  return std::shared_ptr<const LayerIndex>(new LayerIndex(std::move(mapping)));
}

std::size_t LayerIndex::size() const { return mapping_->body.count; }
Entry LayerIndex::entry(std::size_t position) const { return mapping_->body.entry(position); }
std::string_view LayerIndex::path(std::size_t position) const {
  return mapping_->body.path(position);
}
Entry::Type LayerIndex::type(std::size_t position) const { return mapping_->body.type(position); }
bool LayerIndex::opaque(std::size_t position) const { return mapping_->body.opaque(position); }
std::optional<std::size_t> LayerIndex::find(std::string_view path) const {
  return mapping_->body.find(path);
}
std::size_t LayerIndex::lower_bound(std::string_view path) const {
  return mapping_->body.lower_bound(path);
}
const LayerRef& LayerIndex::layer() const { return mapping_->layer; }

std::size_t LayerIndex::end_of(std::string_view path) const {
  // All that is at or below `path` is contiguous, so what is not before it splits in two. Steps
  // that double first, because most directories are small beside their layer.
  std::size_t low = lower_bound(path);
  std::size_t step = 1;
  while (low + step <= size() && path_within(this->path(low + step - 1), path)) {
    low += step;
    step *= 2;
  }
  std::size_t high = std::min(low + step - 1, size());
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (path_within(this->path(middle), path)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void LayerIndex::verify() const {
  if (sha256(mapping_->bytes.substr(sizeof(Header))) != mapping_->body_digest) {
    throw Error("the index of layer " + layer().diff_id.text() + " is damaged");
  }
  for (std::size_t position = 0; position < size(); ++position) {
    (void)entry(position);
    if (position > 0 && !path_less(path(position - 1), path(position))) {
      throw Error("the index of layer " + layer().diff_id.text() + " is not in order");
    }
  }
}

}  // namespace slipway
