#include <cache/layers/beneath.hpp>
#include <cache/layers/decompress.hpp>
#include <cache/layers/extract_layer.hpp>
#include <cache/layers/index_writer.hpp>
#include <cache/layers/read_ahead.hpp>
#include <cache/layers/tar_reader.hpp>
#include <cache/layers/tree_digest.hpp>
#include <cache/layers/tree_writer.hpp>
#include <cache/waiting_source.hpp>
#include <ir/error.hpp>

#include <fcntl.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view opaque_mark = ".wh..wh..opq";
constexpr std::string_view aufs_prefix = ".wh..wh.";

// Counts what is read from the source, and hashes it if asked.
class Counted : public ByteSource {
 public:
  explicit Counted(ByteSource& source, Hasher* hasher = nullptr)
      : source_(source), hasher_(hasher) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t got = source_.read(buffer);
    if (hasher_ != nullptr) hasher_->update(buffer.first(got));
    count_ += got;
    return got;
  }
  std::uint64_t count() const { return count_; }

 private:
  ByteSource& source_;
  Hasher* hasher_;
  // Of bytes that another thread may be reading (ReadAhead).
  std::atomic<std::uint64_t> count_ = 0;
};

// Whether any component begins so.
bool has_component(std::string_view path, std::string_view prefix) {
  for (; !path.empty(); path = parent_path(path)) {
    if (base_name(path).starts_with(prefix)) return true;
  }
  return false;
}

// Sparse files grow behind the decompressor, so their expansion is limited here: `free` bytes, and
// beyond them so many times the input.
void add_entry(TreeWriter& tree, TarReader& reader, TarEntry&& found, const Counted& input,
               std::uint64_t free, std::uint64_t& written) {
  if (found.is_hard_link) return tree.add_hard_link(std::move(found.entry));
  if (found.entry.type != Entry::Type::file) return tree.add_other(std::move(found.entry));
  tree.add_file(std::move(found.entry), [&](std::span<std::byte> buffer) {
    const std::size_t got = reader.read(buffer);
    written += got;
    if (written > free && written / most_expansion > input.count()) {
      throw Error("the archive's files expand more than " + std::to_string(most_expansion) +
                  " times")
          .hint("its sparse files are nearly all holes: make them in a RUN");
    }
    return got;
  });
}

// True: the entry was a mark of a deletion, or nothing at all.
bool add_mark(TreeWriter& tree, const Entry& entry) {
  const std::string_view name = base_name(entry.path);
  const std::string parent(parent_path(entry.path));
  if (name == opaque_mark) {
    tree.add_opaque(parent);
    return true;
  }
  // The folders that aufs kept its links in.
  if (has_component(entry.path, aufs_prefix)) return true;
  if (!name.starts_with(whiteout_prefix)) return false;
  const std::string gone(name.substr(whiteout_prefix.size()));
  if (gone.empty() || gone == "." || gone == "..") {
    throw Error("the layer's whiteout " + quoted(entry.path) + " names nothing");
  }
  tree.add_whiteout(parent.empty() ? gone : parent + "/" + gone);
  return true;
}

void add_to_builder(LayerBuilder& builder, const Entry& entry, ParentCache& files) {
  if (entry.type != Entry::Type::file || !entry.hard_link.empty() || entry.size == 0) {
    return builder.add(entry);
  }
  DescriptorSource content(files.open(entry.path, O_RDONLY | O_NONBLOCK));
  const Digest digest = builder.add_file(entry, content);
  if (entry.content != Digest{} && entry.content != digest) {
    throw Error("the content of " + quoted(entry.path) + " is not what it was")
        .hint("run slipway fsck");
  }
}

}  // namespace

ExtractedLayer extract_layer(ByteSource& tar, const std::filesystem::path& upper,
                             const ExtractLimits& limits) {
  Counted input(tar);
  const std::unique_ptr<ByteSource> plain = open_decompressed(input);
  Hasher hasher;
  Counted hashed(*plain, &hasher);
  std::optional<ReadAhead> ahead;
  // What comes from elsewhere is received and decompressed while files are written.
  if (auto* waiting = dynamic_cast<WaitingSource*>(&tar))
    ahead.emplace(hashed, [waiting] { waiting->give_up(); });
  ByteSource& bytes = ahead ? static_cast<ByteSource&>(*ahead) : hashed;
  const StackView nothing({});
  TreeWriter tree(upper, nothing, {}, {.most_entries = limits.entries});
  std::uint64_t written = 0;
  {
    TarReader reader(bytes, limits);
    while (std::optional<TarEntry> found = reader.next()) {
      if (add_mark(tree, found->entry)) continue;
      add_entry(tree, reader, std::move(*found), input, limits.expansion, written);
    }
  }
  // What follows the end of the archive is padding, and part of the diffID.
  std::vector<std::byte> rest(std::size_t{64} << 10);
  while (bytes.read(rest) > 0) continue;
  return {tree.finish(), hasher.finish()};
}

void extract_archive(ByteSource& archive, const std::filesystem::path& upper,
                     const StackView& below, const ArchiveOptions& options, TreeEntries& entries) {
  Counted input(archive);
  const std::unique_ptr<ByteSource> plain = open_decompressed(input);
  TarReader reader(*plain, options.limits);
  TreeWriter tree(
      upper, below, entries,
      {.destination = std::string(options.destination), .most_entries = options.limits.entries});
  std::uint64_t written = 0;
  while (std::optional<TarEntry> found = reader.next()) {
    Entry& entry = found->entry;
    if (has_component(entry.path, whiteout_prefix)) {
      throw Error("no layer can hold " + quoted(entry.path) + ": names that begin with " +
                  quoted(whiteout_prefix) + " mean deletions");
    }
    // The archive's own root says nothing about the directory it is unpacked into.
    if (entry.path.empty()) continue;
    if (options.owner) std::tie(entry.uid, entry.gid) = *options.owner;
    add_entry(tree, reader, std::move(*found), input, options.limits.expansion, written);
  }
  entries = tree.finish();
}

bool is_archive(ByteSource& bytes) {
  // One record of a tar: eight octal digits at 148 are the sum of all bytes, those eight as blanks.
  std::array<std::byte, 512> block{};
  std::size_t size = 0;
  try {
    const std::unique_ptr<ByteSource> plain = open_decompressed(bytes);
    while (size < block.size()) {
      const std::size_t got = plain->read(std::span(block).subspan(size));
      if (got == 0) return false;
      size += got;
    }
  } catch (const Error&) {
    return false;  // damaged, or compressed by chance: not an archive that ADD could unpack
  }
  constexpr std::size_t sum_at = 148;
  constexpr std::size_t sum_size = 8;
  unsigned sum = 0;
  int signed_sum = 0;  // some old programs added bytes as signed characters
  unsigned written = 0;
  bool digits = false;
  for (std::size_t at = 0; at < block.size(); ++at) {
    const auto byte = std::to_integer<unsigned>(block[at]);
    if (at < sum_at || at >= sum_at + sum_size) {
      sum += byte;
      signed_sum += static_cast<signed char>(byte);
      continue;
    }
    sum += ' ';
    signed_sum += ' ';
    if (byte >= '0' && byte <= '7') {
      written = written * 8 + (byte - '0');
      digits = true;
    } else if (digits && byte != ' ' && byte != 0) {
      return false;
    }
  }
  return digits && (sum == written || signed_sum == static_cast<int>(written));
}

BuiltLayer build_tree(const std::filesystem::path& tree, const TreeEntries& entries) {
  const FileDescriptor root = open_root(tree);
  ParentCache files(root.get());
  LayerBuilder builder;
  for (const auto& [path, entry] : entries) add_to_builder(builder, entry, files);
  return builder.finish();
}

BuiltLayer index_entries(const TreeEntries& entries, const DiffId& diff_id) {
  IndexWriter index;
  TreeHasher tree;
  BuiltLayer built;
  for (const auto& [path, entry] : entries) {
    index.add(entry);
    tree.add(entry);
    if (entry.hard_link.empty()) built.layer.size += entry.size;
  }
  built.layer.diff_id = diff_id;
  built.layer.tree = tree.finish();
  built.index = index.finish(built.layer);
  return built;
}

void write_canonical_tar(const LayerIndex& index, const std::filesystem::path& tree,
                         const ByteSink& sink) {
  const FileDescriptor root = open_root(tree);
  ParentCache files(root.get());
  LayerBuilder builder(sink);
  for (std::size_t at = 0; at < index.size(); ++at) {
    add_to_builder(builder, index.entry(at), files);
  }
  if (builder.finish().layer.diff_id != index.layer().diff_id) {
    throw Error("layer " + index.layer().diff_id.text() + " is not what it was")
        .hint("run slipway fsck");
  }
}

}  // namespace slipway
