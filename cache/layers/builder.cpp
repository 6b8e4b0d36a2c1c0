#include <cache/layers/index.hpp>
#include <cache/layers/index_writer.hpp>
#include <cache/layers/tar_writer.hpp>
#include <cache/layers/tree_digest.hpp>
#include <ir/error.hpp>

#include <array>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t read_size = std::size_t{128} << 10;

// Without the fields its type has no use for, so that equal layers have equal indexes.
Entry tidy(const Entry& given) {
  using Type = Entry::Type;
  Entry entry = given;
  if (entry.type == Type::whiteout) {
    Entry bare;
    bare.path = std::move(entry.path);
    bare.type = Type::whiteout;
    return bare;
  }
  if (entry.type != Type::directory) entry.opaque = false;
  if (entry.type == Type::directory) entry.hard_link.clear();
  if (entry.type != Type::symlink) entry.link_target.clear();
  if (entry.type != Type::char_device && entry.type != Type::block_device) {
    entry.device_major = 0;
    entry.device_minor = 0;
  }
  if (entry.type != Type::file) {
    entry.size = 0;
    entry.content = {};
  }
  return entry;
}

const Digest& empty_content() {
  static const Digest digest = sha256("");
  return digest;
}

}  // namespace

struct LayerBuilder::State {
  explicit State(ByteSink sink)
      : also(std::move(sink)), tar([this](std::span<const std::byte> bytes) {
          diff_id.update(bytes);
          if (also) also(bytes);
        }) {}

  ByteSink also;
  Hasher diff_id;
  Hasher content;
  TreeHasher tree;
  IndexWriter index;
  TarWriter tar;
  std::uint64_t size = 0;
  std::vector<std::byte> buffer;

  void write_content(const Entry& entry, ByteSource& source, bool hash) {
    const auto wrong_size = [&entry](std::string_view how) {
      throw Error(quoted(entry.path) + " became " + std::string(how) + " while it was read");
    };
    tar.add(entry);
    if (buffer.empty()) buffer.resize(read_size);
    std::uint64_t left = entry.size;
    // Reads once more than it must, for the end to show.
    while (const std::size_t got = source.read(buffer)) {
      if (got > left) wrong_size("longer");
      const std::span<const std::byte> bytes(buffer.data(), got);
      if (hash) content.update(bytes);
      tar.write(bytes);
      left -= got;
    }
    if (left > 0) wrong_size("shorter");
    size += entry.size;
  }

  // Index first: it refuses what is out of order before a byte of the tar is made.
  void add(const Entry& entry) {
    index.add(entry);
    tree.add(entry);
  }
};

LayerBuilder::LayerBuilder() : LayerBuilder(ByteSink()) {}
LayerBuilder::LayerBuilder(ByteSink tar) : state_(std::make_unique<State>(std::move(tar))) {}
LayerBuilder::~LayerBuilder() = default;
LayerBuilder::LayerBuilder(LayerBuilder&&) noexcept = default;

void LayerBuilder::add(const Entry& given) {
  Entry entry = tidy(given);
  if (!entry.hard_link.empty()) {
    const std::optional<Entry> target = state_->index.find(entry.hard_link);
    if (!target || target->type != entry.type || !target->hard_link.empty()) {
      throw Error("hard link " + quoted(entry.path) +
                  " does not name an earlier file: " + quoted(entry.hard_link));
    }
    // One inode: what the target has, all its names have.
    const std::string target_path = std::exchange(entry.hard_link, {});
    std::string path = std::move(entry.path);
    entry = *target;
    entry.path = std::move(path);
    entry.hard_link = target_path;
  } else if (entry.type == Entry::Type::file) {
    if (entry.size != 0) throw Error("no content was given for " + quoted(entry.path));
    entry.content = empty_content();
  }
  state_->add(entry);
  state_->tar.add(entry);
}

Digest LayerBuilder::add_file(Entry entry, ByteSource& content) {
  State& state = *state_;
  entry = tidy(entry);
  entry.hard_link.clear();
  state.write_content(entry, content, true);
  entry.content = state.content.finish();
  state.add(entry);
  return entry.content;
}

void LayerBuilder::add_hashed(Entry entry, ByteSource& content,
                              const std::function<Digest()>& digest) {
  entry = tidy(entry);
  entry.hard_link.clear();
  state_->write_content(entry, content, false);
  entry.content = digest();
  state_->add(entry);
}

BuiltLayer LayerBuilder::finish() {
  State& state = *state_;
  state.tar.finish();
  BuiltLayer built;
  built.layer.diff_id = DiffId{state.diff_id.finish()};
  built.layer.tree = state.tree.finish();
  built.layer.size = state.size;
  built.index = state.index.finish(built.layer);
  return built;
}

}  // namespace slipway
