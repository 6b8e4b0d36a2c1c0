// The document's bytes, before they become a frame:
//
//   "slipway cache mount 1\n"
//   the packs: digest, size, then its chunks: digest, size, stored
//   the content: runs of pack, first, count
//   the entries in path order: how much of the path before is its front, the rest of it, then what
//   its type has
//
// Each list has its length before it. Numbers are LEB128, texts have their length before them.
#include <cache/mounts/document.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/mounts/chunker.hpp>
#include <cache/mounts/frames.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <set>

namespace slipway {
namespace {

constexpr std::string_view magic = "slipway cache mount 1\n";

constexpr std::size_t longest_path = 4095;  // openat2's
constexpr std::size_t longest_name = 255;   // of every file system that layers lie on
constexpr std::size_t longest_xattr = std::size_t{64} << 10;
constexpr std::size_t most_xattrs = 1000;        // of an entry
constexpr std::size_t most_xattrs_in_all = 4'000'000;
constexpr std::size_t most_ranges = 16'000'000;  // of all entries
constexpr std::size_t most_runs = 16'000'000;

[[noreturn]] void damaged(const std::string& what) {
  throw Error("the cache mount's document is damaged: " + what);
}

std::uint64_t zigzag(std::int64_t number) {
  return (static_cast<std::uint64_t>(number) << 1U) ^ static_cast<std::uint64_t>(number >> 63);
}
std::int64_t unzigzag(std::uint64_t number) {
  return static_cast<std::int64_t>(number >> 1U) ^ -static_cast<std::int64_t>(number & 1U);
}

class Writer {
 public:
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) bytes_ += static_cast<char>((value & 0x7fU) | 0x80U);
    bytes_ += static_cast<char>(value);
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  void digest(const Digest& value) {
    bytes_.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  }
  void raw(std::string_view value) { bytes_ += value; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number(std::uint64_t most) {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      const std::uint64_t part = byte & 0x7fU;
      if (shift > 63 || (shift == 63 && part > 1)) damaged("a number is too long");
      value |= part << shift;
      if ((byte & 0x80U) == 0) break;
    }
    if (value > most) damaged("a number is larger than it may be");
    return value;
  }
  std::uint32_t number32(std::uint32_t most = 0xffffffff) {
    return static_cast<std::uint32_t>(number(most));
  }
  // How many of something follow that takes `least` bytes each: no more than there can be, so that
  // memory is only asked for what is there.
  std::size_t count(std::size_t least) {
    return static_cast<std::size_t>(number(rest_.size() / least));
  }
  std::string_view text(std::size_t most) { return take(static_cast<std::size_t>(number(most))); }
  Digest digest() {
    Digest value;
    const std::string_view bytes = take(value.bytes.size());
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(value.bytes.data()));
    return value;
  }
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) damaged("it ends too early");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

void write_pack(Writer& out, const Pack& pack) {
  out.digest(pack.blob.digest);
  out.number(pack.blob.size);
  out.number(pack.chunks.size());
  for (const PackedChunk& chunk : pack.chunks) {
    out.digest(chunk.digest);
    out.number(chunk.size);
    out.number(chunk.stored);
  }
}

Pack read_pack(Reader& in, const MountLimits& limits) {
  constexpr std::size_t least = 34;
  Pack pack;
  pack.blob.digest = in.digest();
  pack.blob.size = in.number(limits.pack);
  pack.chunks.resize(in.count(least));
  std::uint64_t stored = 0;
  for (PackedChunk& chunk : pack.chunks) {
    chunk.digest = in.digest();
    chunk.size = in.number32(largest_chunk);
    chunk.stored = in.number32();
    if (chunk.size == 0) damaged("a chunk is empty");
    stored += chunk.stored;
  }
  if (stored != pack.blob.size) damaged("a pack has not the size of its chunks");
  return pack;
}

std::size_t common_front(std::string_view one, std::string_view other) {
  const std::size_t shorter = std::min(one.size(), other.size());
  return static_cast<std::size_t>(
      std::mismatch(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(shorter), other.begin())
          .first -
      one.begin());
}

// What the entries before it make shorter to say.
struct Before {
  std::string path;
  std::int64_t mtime = 0;
  std::uint64_t position = 0;  // where the last data ended
};

void write_entry(Writer& out, const MountEntry& mount, Before& before) {
  const Entry& entry = mount.entry;
  const std::size_t front = common_front(before.path, entry.path);
  out.number(front);
  out.text(std::string_view(entry.path).substr(front));
  out.number(static_cast<std::uint64_t>(entry.type));
  out.text(entry.hard_link);
  if (entry.hard_link.empty()) {
    out.number(entry.mode);
    out.number(entry.uid);
    out.number(entry.gid);
    out.number(zigzag(entry.mtime - before.mtime));
    out.number(mount.nanoseconds);
    out.number(entry.xattrs.size());
    for (const auto& [name, value] : entry.xattrs) {
      out.text(name);
      out.text(value);
    }
    if (entry.type == Entry::Type::symlink) out.text(entry.link_target);
    if (entry.type == Entry::Type::file) {
      out.number(entry.size);
      out.number(mount.data.size());
      std::uint64_t end = 0;
      for (const DataRange& range : mount.data) {
        out.number(range.offset - end);
        out.number(range.length);
        end = range.offset + range.length;
      }
      if (!mount.data.empty()) {
        out.number(zigzag(static_cast<std::int64_t>(mount.position - before.position)));
        before.position = mount.position + data_size(mount);
      }
    }
    before.mtime = entry.mtime;
  }
  before.path = entry.path;
}

// Reads entries, and knows which paths are directories and files so far.
class EntryReader {
 public:
  EntryReader(Reader& in, std::uint64_t content, const MountLimits& limits)
      : in_(in), content_(content), limits_(limits) {}

  MountEntry read() {
    MountEntry mount;
    Entry& entry = mount.entry;
    entry.path = read_path();
    const std::uint32_t type = in_.number32();
    if (type > static_cast<std::uint32_t>(Entry::Type::fifo) ||
        type == static_cast<std::uint32_t>(Entry::Type::char_device) ||
        type == static_cast<std::uint32_t>(Entry::Type::block_device)) {
      damaged(quoted(entry.path) + " has a type that it cannot have");
    }
    entry.type = static_cast<Entry::Type>(type);
    require_place(entry);
    entry.hard_link = in_.text(longest_path);
    if (entry.hard_link.empty()) {
      read_metadata(mount);
    } else if (entry.type == Entry::Type::directory || !others_.contains(entry.hard_link)) {
      damaged(quoted(entry.path) + " is a link to nothing");
    }
    if (entry.type == Entry::Type::directory) {
      directories_.insert(entry.path);
    } else if (entry.hard_link.empty()) {
      others_.insert(entry.path);
    }
    before_.path = entry.path;
    first_ = false;
    return mount;
  }

 private:
  std::string read_path() {
    const auto front = static_cast<std::size_t>(in_.number(before_.path.size()));
    std::string path = before_.path.substr(0, front);
    path += in_.text(longest_path);
    if (path.size() > longest_path || path.find('\0') != std::string::npos)
      damaged("a path is too long, or none");
    // What it has in common with the one before costs the document nothing, and memory all of it.
    paths_ += path.size();
    if (paths_ > limits_.expanded) damaged("its paths are too long");
    return path;
  }

  // Beneath a directory that is there already, behind all that came before.
  void require_place(const Entry& entry) const {
    if (first_) {
      if (!entry.path.empty() || entry.type != Entry::Type::directory)
        damaged("it does not begin with the directory itself");
      return;
    }
    const std::string_view name = base_name(entry.path);
    if (name.empty() || name == "." || name == ".." || name.size() > longest_name)
      damaged(quoted(entry.path) + " has a name that no file has");
    if (!path_less(before_.path, entry.path)) damaged(quoted(entry.path) + " is out of order");
    if (!directories_.contains(std::string(parent_path(entry.path))))
      damaged(quoted(entry.path) + " is in no directory");
  }

  void read_metadata(MountEntry& mount) {
    Entry& entry = mount.entry;
    entry.mode = in_.number32(07777);
    entry.uid = in_.number32();
    entry.gid = in_.number32();
    // Unsigned, because a sum of two of any size may not be one.
    entry.mtime =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(before_.mtime) +
                                  static_cast<std::uint64_t>(unzigzag(in_.number(~0ULL))));
    before_.mtime = entry.mtime;
    mount.nanoseconds = in_.number32(999'999'999);
    entry.xattrs.resize(static_cast<std::size_t>(in_.number(most_xattrs)));
    xattrs_ += entry.xattrs.size();
    if (xattrs_ > most_xattrs_in_all) damaged("it has too many attributes");
    for (auto& [name, value] : entry.xattrs) {
      name = in_.text(longest_name);
      value = in_.text(longest_xattr);
      if (!is_layer_xattr(name) || name.find('\0') != std::string::npos)
        damaged(quoted(entry.path) + " has the attribute " + quoted(name));
    }
    if (entry.type == Entry::Type::symlink) {
      entry.link_target = in_.text(longest_path);
      if (entry.link_target.empty() || entry.link_target.find('\0') != std::string::npos)
        damaged(quoted(entry.path) + " is a link to no name");
    }
    if (entry.type == Entry::Type::file) read_file(mount);
  }

  void read_file(MountEntry& mount) {
    constexpr std::uint64_t largest_file = ~std::uint64_t{0} >> 1U;
    Entry& entry = mount.entry;
    entry.size = in_.number(largest_file);
    const std::size_t ranges = in_.count(2);
    ranges_ += ranges;
    if (ranges_ > most_ranges) damaged("its files have too many holes");
    mount.data.resize(ranges);
    std::uint64_t end = 0;
    std::uint64_t size = 0;
    for (DataRange& range : mount.data) {
      range.offset = end + in_.number(entry.size - end);
      range.length = in_.number(entry.size - range.offset);
      if (range.length == 0) damaged(quoted(entry.path) + " has data of no length");
      end = range.offset + range.length;
      size += range.length;
    }
    if (mount.data.empty()) return;
    mount.position = before_.position + static_cast<std::uint64_t>(unzigzag(in_.number(~0ULL)));
    if (size > content_ || mount.position > content_ - size)
      damaged(quoted(entry.path) + " lies outside the content");
    before_.position = mount.position + size;
    // Content may be used twice, but not to fill a disk with little.
    total_ += size;
    if (total_ > limits_.content) damaged("it holds more than a cache mount may");
  }

  Reader& in_;
  const std::uint64_t content_;
  const MountLimits& limits_;
  Before before_;
  bool first_ = true;
  std::uint64_t total_ = 0;
  std::size_t ranges_ = 0;
  std::size_t xattrs_ = 0;
  std::uint64_t paths_ = 0;  // bytes
  std::set<std::string> directories_;
  std::set<std::string> others_;
};

// Bytes. By sums over each pack, because a run is short to say and may be long to walk.
std::uint64_t content_size(const MountDocument& document, const MountLimits& limits) {
  std::vector<std::vector<std::uint64_t>> ends;  // of each pack's chunks
  for (const Pack& pack : document.packs) {
    std::vector<std::uint64_t>& sums = ends.emplace_back(1, 0);
    for (const PackedChunk& chunk : pack.chunks) sums.push_back(sums.back() + chunk.size);
  }
  std::uint64_t size = 0;
  for (const ChunkRun& run : document.content) {
    size += ends[run.pack][run.first + run.count] - ends[run.pack][run.first];
    if (size > limits.content) damaged("it holds more than a cache mount may");
  }
  return size;
}

void read_content(Reader& in, MountDocument& document) {
  constexpr std::size_t least_run = 3;
  const std::size_t runs = in.count(least_run);
  if (runs > most_runs) damaged("its content is in too many pieces");
  document.content.resize(runs);
  for (ChunkRun& run : document.content) {
    run.pack = in.number32();
    if (run.pack >= document.packs.size()) damaged("its content names no pack");
    const std::vector<PackedChunk>& chunks = document.packs[run.pack].chunks;
    run.first = in.number32();
    run.count = in.number32();
    if (run.count == 0 || run.first >= chunks.size() || run.count > chunks.size() - run.first)
      damaged("its content names no chunk");
  }
}

}  // namespace

std::string encode_mount_document(const MountDocument& document, const MountLimits& limits) {
  Writer out;
  out.raw(magic);
  out.number(document.packs.size());
  for (const Pack& pack : document.packs) write_pack(out, pack);
  out.number(document.content.size());
  for (const ChunkRun& run : document.content) {
    out.number(run.pack);
    out.number(run.first);
    out.number(run.count);
  }
  out.number(document.entries.size());
  Before before;
  for (const MountEntry& entry : document.entries) write_entry(out, entry, before);
  std::uint64_t size = 0;
  std::uint64_t paths = 0;
  std::size_t xattrs = 0;
  std::size_t ranges = 0;
  for (const MountEntry& mount : document.entries) {
    size += data_size(mount);
    paths += mount.entry.path.size();
    xattrs += mount.entry.xattrs.size();
    ranges += mount.data.size();
  }
  std::string frame = Frames().compress(out.bytes());
  if (document.entries.size() > limits.entries || out.bytes().size() > limits.expanded ||
      frame.size() > limits.document || size > limits.content || paths > limits.expanded ||
      xattrs > most_xattrs_in_all || ranges > most_ranges || document.content.size() > most_runs) {
    throw Error("the cache mount is too large to be shared")
        .hint("remove what is old from it, or choose others with id=");
  }
  return frame;
}

MountDocument decode_mount_document(std::string_view bytes, const MountLimits& limits) {
  if (bytes.size() > limits.document) damaged("it is too large");
  const std::string plain = Frames().expand(bytes, static_cast<std::size_t>(limits.expanded));
  Reader in(plain);
  if (in.take(magic.size()) != magic) damaged("it is of another format");
  MountDocument document;
  constexpr std::size_t least_pack = 34;
  constexpr std::size_t least_entry = 4;
  document.packs.resize(in.count(least_pack));
  for (Pack& pack : document.packs) pack = read_pack(in, limits);

  read_content(in, document);
  const std::uint64_t content = content_size(document, limits);

  const std::size_t count = in.count(least_entry);
  if (count == 0 || count > limits.entries) damaged("it has too many entries, or none");
  document.entries.reserve(count);
  EntryReader entries(in, content, limits);
  while (document.entries.size() < count) document.entries.push_back(entries.read());
  if (!in.at_end()) damaged("something stands behind its end");
  return document;
}

}  // namespace slipway
