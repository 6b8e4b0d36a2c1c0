// How a layer comes into place. Tree and index are written in work/; under the layer's lock they
// are renamed to layers/HEX and layers/HEX.index, and only then is the row written that makes the
// layer visible. So kill -9 leaves a folder in work/, which the next process removes, or names in
// layers/ without a row, which whoever makes that layer again replaces, and the end of the next
// build removes.
#include <cache/database.hpp>
#include <cache/file_descriptor.hpp>
#include <cache/layers/beneath.hpp>
#include <cache/layers/decompress.hpp>
#include <cache/layers/extract_layer.hpp>
#include <cache/layers/store.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace slipway {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, std::string_view bytes) {
  const FileDescriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw system_error("open", path.native(), errno);
  write_all(file.get(), bytes, path.native());
}

void move_into_place(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw system_error("rename", to.native(), errno);
}

// Renamed away first: it is gone at once, however long its removal takes.
void move_out_of_place(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) {
    throw system_error("rename", from.native(), errno);
  }
}

}  // namespace

struct LayerStore::State {
  // A layer that is expected, and the lock of who waits for it.
  struct Expected {
    Elsewhere from;
    std::mutex mutex;  // held while its index or its files are on their way
    std::atomic<bool> here{false};  // once brought: asked for each file that is opened
  };

  StateDirectory& directory;
  Database& database;
  // Guards what follows, which any thread may fill.
  std::mutex mutex;
  std::unordered_map<DiffId, std::shared_ptr<const LayerIndex>> indexes;
  std::unordered_map<DiffId, std::shared_ptr<Expected>> expected;

  std::shared_ptr<const LayerIndex> known_index(const DiffId& id) {
    const std::lock_guard guard(mutex);
    const auto found = indexes.find(id);
    return found == indexes.end() ? nullptr : found->second;
  }
  std::shared_ptr<const LayerIndex> keep_index(const DiffId& id,
                                               std::shared_ptr<const LayerIndex> index) {
    const std::lock_guard guard(mutex);
    return indexes.try_emplace(id, std::move(index)).first->second;
  }
  std::shared_ptr<Expected> expected_layer(const DiffId& id) {
    const std::lock_guard guard(mutex);
    const auto found = expected.find(id);
    return found == expected.end() ? nullptr : found->second;
  }

  fs::path tree(const DiffId& id) const { return directory.layers() / id.hex(); }
  fs::path index(const DiffId& id) const { return directory.layers() / (id.hex() + ".index"); }

  struct Row {
    LayerRef layer;
    bool canonical = false;
    std::optional<Digest> blob;
  };
  std::optional<Row> row(const DiffId& id) const {
    Query query(database, "SELECT tree, size, canonical, blob FROM layers WHERE diff_id = ?");
    query.bind(id.digest);
    if (!query.step()) return std::nullopt;
    Row found;
    found.layer = {id, TreeDigest{query.digest(0)}, static_cast<std::uint64_t>(query.integer(1))};
    found.canonical = query.integer(2) != 0;
    if (!query.is_null(3)) found.blob = query.digest(3);
    return found;
  }

  bool complete(const DiffId& id) const {
    return ::access(tree(id).c_str(), F_OK) == 0 && ::access(index(id).c_str(), F_OK) == 0;
  }

  LayerRef place(const fs::path& folder, const BuiltLayer& built, bool canonical);
  void bring(const DiffId& id);
};

LayerRef LayerStore::State::place(const fs::path& folder, const BuiltLayer& built,
                                  bool canonical) {
  const DiffId& id = built.layer.diff_id;
  const fs::path index_aside = folder / "index";
  write_file(index_aside, built.index);
  directory.holds().hold(id.digest);
  const FileLock lock = directory.lock("layer-" + id.hex());
  if (std::optional<Row> present = row(id); present && complete(id)) {
    // The same bytes. That the tar can be made again is worth knowing.
    if (canonical && !present->canonical) {
      Query(database, "UPDATE layers SET canonical = 1 WHERE diff_id = ?").bind(id.digest).run();
    }
    return present->layer;
  }
  move_out_of_place(tree(id), folder / "old-tree");
  move_out_of_place(index(id), folder / "old-index");
  move_into_place(folder / "upper", tree(id));
  move_into_place(index_aside, index(id));
  // Until a sync, the row is trusted in this boot alone (database.cpp).
  // REPLACE, so that a row put anew has a number of its own, which no running sync covers.
  Query insert(database,
               "INSERT OR REPLACE INTO layers (diff_id, tree, size, canonical, blob, created, boot) "
               "VALUES (?, ?, ?, ?, NULL, ?, ?)");
  insert.bind(id.digest).bind(built.layer.tree.digest).bind(built.layer.size);
  insert.bind(std::int64_t{canonical ? 1 : 0}).bind(std::int64_t{std::time(nullptr)});
  insert.bind(database.boot()).run();
  return built.layer;
}

LayerStore::LayerStore(StateDirectory& state, Database& database)
    : state_(new State{state, database, {}, {}, {}}) {}
LayerStore::~LayerStore() = default;

std::optional<LayerRef> LayerStore::find(const DiffId& id) const {
  state_->directory.holds().hold(id.digest);
  std::optional<State::Row> row = state_->row(id);
  if (!row || !state_->complete(id)) return std::nullopt;
  return row->layer;
}

std::filesystem::path LayerStore::directory(const DiffId& id) const { return state_->tree(id); }

std::filesystem::path LayerStore::index_file(const DiffId& id) const { return state_->index(id); }

std::shared_ptr<const LayerIndex> LayerStore::index(const DiffId& id) const {
  if (auto known = state_->known_index(id)) return known;
  if (!find(id)) {
    const auto expected = state_->expected_layer(id);
    if (!expected) throw Error("layer " + id.text() + " is not in the store");
    const std::lock_guard waiting(expected->mutex);
    if (auto known = state_->known_index(id)) return known;
    try {
      return state_->keep_index(id, expected->from.index());
    } catch (...) {
      expected->from.failed();
      throw;
    }
  }
  std::shared_ptr<const LayerIndex> index = LayerIndex::open(state_->index(id));
  if (index->layer().diff_id != id) {
    throw Error("the index of layer " + id.text() + " is another layer's")
        .hint("run slipway fsck");
  }
  return state_->keep_index(id, std::move(index));
}

std::shared_ptr<const LayerIndex> LayerStore::index_at(const fs::path& directory) const {
  if (directory.parent_path() != state_->directory.layers()) return nullptr;
  const std::optional<Digest> id = Digest::parse_hex(directory.filename().native());
  return id ? index(DiffId{*id}) : nullptr;
}

StackView LayerStore::view(const LayerStack& stack) const {
  std::vector<StackView::Layer> layers;
  layers.reserve(stack.size());
  for (const LayerRef& layer : stack) {
    const DiffId& id = layer.diff_id;
    layers.push_back({directory(id), index(id)});
    // What is here is read, whatever was said of it where it was to come from.
    if (!state_->expected_layer(id) || find(id)) continue;
    layers.back().bring = [state = state_.get(), id] { state->bring(id); };
  }
  return StackView(std::move(layers));
}

bool LayerStore::expect(Elsewhere elsewhere) {
  const LayerRef layer = elsewhere.layer;
  if (const std::optional<LayerRef> here = find(layer.diff_id)) return *here == layer;
  auto expected = std::make_shared<State::Expected>();
  expected->from = std::move(elsewhere);
  const std::lock_guard guard(state_->mutex);
  std::shared_ptr<State::Expected>& known = state_->expected[layer.diff_id];
  if (known && known->from.layer != layer) return false;
  known = std::move(expected);  // where the earlier one would ask may be gone
  return true;
}

void LayerStore::State::bring(const DiffId& id) {
  const auto wanted = expected_layer(id);
  if (!wanted) {
    if (row(id) && complete(id)) return;
    throw Error("layer " + id.text() + " is not in the store");
  }
  if (wanted->here) return;
  const std::lock_guard waiting(wanted->mutex);
  try {
    if (!row(id) || !complete(id)) wanted->from.bring();
    const std::optional<Row> brought = row(id);
    if (!brought || brought->layer != wanted->from.layer)
      throw Error("what came as layer " + id.text() + " is another one");
    wanted->here = true;
  } catch (...) {
    wanted->from.failed();
    throw;
  }
}

void LayerStore::bring(const DiffId& id) { state_->bring(id); }

Staging LayerStore::stage() { return Staging(state_->directory.fresh_work_path()); }

LayerRef LayerStore::commit(Staging&& staging, const BuiltLayer& built) {
  return state_->place(staging.folder_, built, true);
}

LayerRef LayerStore::extract(ByteSource& tar, const std::optional<DiffId>& expected,
                             bool canonical) {
  const Staging staging = stage();
  const ExtractedLayer extracted = extract_layer(tar, staging.upper(), ExtractLimits{});
  if (expected && extracted.tar != expected->digest) {
    throw Error("the layer's diffID is " + extracted.tar.text() + ", not " + expected->text())
        .hint("the image is damaged, or was altered on its way");
  }
  const BuiltLayer built = canonical ? build_tree(staging.upper(), extracted.entries)
                                     : index_entries(extracted.entries, DiffId{extracted.tar});
  return state_->place(staging.folder_, built, canonical);
}

void LayerStore::remember_blob(const DiffId& id, const Digest& blob) {
  struct stat status {};
  const fs::path path = state_->directory.blobs() / blob.hex();
  const bool kept = ::lstat(path.c_str(), &status) == 0;
  Query(state_->database, "UPDATE layers SET blob = ?, blob_size = ? WHERE diff_id = ?")
      .bind(blob)
      .bind(std::int64_t{kept ? status.st_size : 0})
      .bind(id.digest)
      .run();
  if (state_->database.changes() == 0) {
    throw Error("layer " + id.text() + " is not in the store");
  }
}

std::optional<Digest> LayerStore::blob(const DiffId& id) const {
  std::optional<State::Row> row = state_->row(id);
  return row ? row->blob : std::nullopt;
}

void LayerStore::write_tar(const DiffId& id, const ByteSink& sink) const {
  state_->directory.holds().hold(id.digest);
  const std::optional<State::Row> row = state_->row(id);
  if (!row) throw Error("layer " + id.text() + " is not in the store");
  if (row->canonical || !row->blob ||
      ::access((state_->directory.blobs() / row->blob->hex()).c_str(), F_OK) != 0) {
    // Without its blob a pulled layer may still be one that slipway made: its canonical tar shows.
    return write_canonical_tar(*index(id), directory(id), sink);
  }
  const fs::path path = state_->directory.blobs() / row->blob->hex();
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) throw system_error("open", path.native(), errno);
  DescriptorSource blob(std::move(file));
  const std::unique_ptr<ByteSource> tar = open_decompressed(blob);
  Hasher hasher;
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t got = tar->read(buffer)) {
    const std::span<const std::byte> bytes(buffer.data(), got);
    hasher.update(bytes);
    sink(bytes);
  }
  if (hasher.finish() != id.digest) {
    throw Error("the blob " + row->blob->text() + " does not hold layer " + id.text())
        .hint("run slipway fsck");
  }
}

}  // namespace slipway
