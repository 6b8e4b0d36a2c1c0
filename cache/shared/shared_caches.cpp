#include <cache/shared/shared_caches.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/decompress.hpp>
#include <cache/layers/index.hpp>
#include <cache/layers/tree_digest.hpp>
#include <cache/shared/guarded_cache.hpp>
#include <cache/shared/signatures.hpp>
#include <cache/shared/uploads.hpp>
#include <cache/store.hpp>

#include <algorithm>
#include <ctime>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <utility>

namespace slipway {
namespace {

// In memory: some three million files.
constexpr std::size_t longest_index = std::size_t{512} << 20;

// What names the place of a cache, whether it is read or written.
CacheSpec place_of(const CacheSpec& spec) {
  CacheSpec place{spec.type, spec.attributes, {}};
  for (const char* name : {"src", "dest"}) {
    if (auto directory = place.attributes.extract(name)) {
      directory.key() = "directory";
      place.attributes.insert(std::move(directory));
    }
  }
  // What buildx's users write, and changes nothing.
  place.attributes.erase("mode");
  place.attributes.erase("ignore-error");
  return place;
}

bool same_place(const CacheSpec& one, const CacheSpec& other) {
  return one.type == other.type && one.attributes == other.attributes;
}

// A clock that is ahead of ours, or a lie, must not make a result younger than it can be.
void end_by_now(Record& record) {
  const std::int64_t now = std::time(nullptr);
  record.created = std::min(record.created, now);
  record.ran = std::min(record.ran, now);
}

// What a tar's reader and writer of trees see to in a layer that comes as one: a COPY that needs no
// bytes believes the index alone. No name leads anywhere, and no attribute means something to
// overlayfs.
bool may_be_in_layer(const Entry& entry) {
  const auto is_name = [](std::string_view name) {
    return !name.empty() && name != "." && name != "..";
  };
  const auto is_path = [&](std::string_view path) {
    if (path.find('\0') != path.npos) return false;
    while (is_name(base_name(path))) {
      if (path.find('/') == path.npos) return true;
      path = parent_path(path);
    }
    return false;
  };
  return (entry.path.empty() ? entry.type == Entry::Type::directory : is_path(entry.path)) &&
         (entry.hard_link.empty() || is_path(entry.hard_link)) &&
         entry.link_target.find('\0') == std::string::npos &&
         std::all_of(entry.xattrs.begin(), entry.xattrs.end(), [](const auto& xattr) {
           return is_layer_xattr(xattr.first) && xattr.first.find('\0') == std::string::npos;
         });
}

// Throws Error unless it is that layer's.
std::shared_ptr<const LayerIndex> index_from(ByteSource& compressed, const LayerRef& layer) {
  const std::unique_ptr<ByteSource> plain = open_decompressed(compressed);
  std::string bytes;
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t got = plain->read(buffer)) {
    if (bytes.size() + got > longest_index) throw Error("the layer's index is too long");
    bytes.append(reinterpret_cast<const char*>(buffer.data()), got);
  }
  std::shared_ptr<const LayerIndex> index = LayerIndex::from_bytes(std::move(bytes));
  if (index->layer() != layer) {
    throw Error("the index is not that of layer " + layer.diff_id.text());
  }
  index->verify();
  // The tree digest says that these are the files that the keys of what follows are made of.
  TreeHasher tree;
  for (std::size_t i = 0; i < index->size(); ++i) {
    const Entry entry = index->entry(i);
    if (!may_be_in_layer(entry)) {
      throw Error("the index of layer " + layer.diff_id.text() +
                  " has an entry that no layer has: " + quoted(entry.path));
    }
    tree.add(entry);
  }
  if (tree.finish() != layer.tree) {
    throw Error("the index of layer " + layer.diff_id.text() + " tells of other files");
  }
  return index;
}

}  // namespace

struct SharedCaches::State {
  // A cache of `from`.
  struct Source {
    CacheSpec place;
    std::unique_ptr<GuardedCache> cache;
    // What is known of it, so that it is not asked again when a record is offered. Empty: it has no
    // record of that key.
    struct Blobs {
      Digest index;
      Digest tar;
    };
    std::map<CacheKey, std::optional<Blobs>> records;
    std::set<Digest> gone;  // blobs that it could not give
    bool refused = false;   // one of its records, and it was said
  };

  Store& store;
  const SharedCacheOptions options;
  const std::optional<SigningKey> signing;
  const TrustedKeys trusted;
  std::vector<Source> from;
  std::vector<CacheSpec> to_places;
  std::vector<std::unique_ptr<GuardedCache>> to;
  std::optional<Uploads> uploads;

  // Guards what the sources know, and the figures below.
  std::mutex mutex;
  std::size_t found = 0;
  std::size_t refused = 0;

  State(Store& its_store, SharedCacheOptions its_options, const OpenTransport& open)
      : store(its_store),
        options(std::move(its_options)),
        signing(options.sign ? std::optional<SigningKey>(*options.sign) : std::nullopt),
        trusted(options.trust) {
    for (const CacheSpec& spec : options.from) {
      from.push_back({place_of(spec), guarded(spec, false, open), {}, {}, false});
    }
    for (const CacheSpec& spec : options.to) {
      to_places.push_back(place_of(spec));
      to.push_back(guarded(spec, true, open));
    }
    std::vector<GuardedCache*> destinations;
    for (const auto& cache : to) destinations.push_back(cache.get());
    uploads.emplace(store, std::move(destinations), upload_rules());
  }
  State(const State&) = delete;
  ~State() {
    uploads->stop();
    for (const Source& source : from) source.cache->close();
    for (const auto& cache : to) cache->close();
    uploads.reset();
  }

  std::unique_ptr<GuardedCache> guarded(const CacheSpec& spec, bool write,
                                        const OpenTransport& open) const {
    return std::make_unique<GuardedCache>(
        [&](std::function<bool()> cancelled) {
          return open(spec, write, std::move(cancelled), options.patience);
        },
        GuardedCache::Options{.write = write,
                              .patience = options.patience,
                              .note = options.note,
                              .cancelled = options.cancelled});
  }

  Uploads::Rules upload_rules() {
    return {
        .read = [this](std::string bytes,
                       const CacheKey& key) { return read_of_destination(std::move(bytes), key); },
        .bytes_of =
            [this](const SharedRecord& record) {
              const std::string document = write_record_document(record);
              return signing ? signing->envelope(document) : document;
            },
        .known = [this](std::size_t destination,
                        const CacheKey& key) { return known(to_places[destination], key); },
        .fetch = [this](const SharedBlob& blob) { return fetch(blob); },
        .note = options.note,
        .cancelled = options.cancelled};
  }

  // With a key of its own, a build believes what that has signed and what is trusted, no more: it
  // would sign as its own what anybody put there.
  bool is_well_signed(const SignedDocument& document) const {
    if (!signing && trusted.empty()) return true;
    return (signing && signing->signed_by_this(document)) || trusted.signed_by_one(document);
  }

  std::optional<SharedRecord> read_of_destination(std::string bytes, const CacheKey& key) const {
    try {
      const SignedDocument document = open_envelope(std::move(bytes));
      if (!is_well_signed(document)) return std::nullopt;
      return read_record_document(document.document, key);
    } catch (const Error&) {
      return std::nullopt;  // ours takes its place
    }
  }

  std::optional<bool> known(const CacheSpec& place, const CacheKey& key) {
    const std::lock_guard lock(mutex);
    for (const Source& source : from) {
      const auto record = source.records.find(key);
      if (!same_place(source.place, place) || record == source.records.end()) continue;
      const auto& blobs = record->second;
      return blobs && !source.gone.contains(blobs->index) && !source.gone.contains(blobs->tar);
    }
    return std::nullopt;
  }

  void note_refused(Source& source) {
    {
      const std::lock_guard lock(mutex);
      ++refused;
      if (std::exchange(source.refused, true)) return;
    }
    if (!options.note) return;
    Diagnostic note;
    note.message = source.cache->name() +
                   " has records without a signature by a trusted key: they do not count";
    note.hint = "sign with --cache-sign where they are made, or trust the key that signed them";
    options.note(note);
  }

  std::optional<SharedRecord> find(Source& source, const CacheKey& key) {
    GuardedCache& cache = *source.cache;
    if (cache.left_alone()) return std::nullopt;
    std::optional<std::string> bytes = cache.record(key.digest);
    if (!bytes) {
      // Where it failed, nobody knows what it has.
      if (cache.left_alone()) return std::nullopt;
      const std::lock_guard lock(mutex);
      source.records[key] = std::nullopt;
      return std::nullopt;
    }
    try {
      const SignedDocument document = open_envelope(std::move(*bytes));
      SharedRecord record = read_record_document(document.document, key);
      if (!is_well_signed(document)) {
        note_refused(source);
        return std::nullopt;
      }
      end_by_now(record.record);
      const std::lock_guard lock(mutex);
      ++found;
      source.records[key] = Source::Blobs{record.index.digest, record.tar.digest};
      return record;
    } catch (const Error& error) {
      cache.gave_wrong_bytes(error.what());
      return std::nullopt;
    }
  }

  bool read_blob(const SharedBlob& blob, const std::function<void(ByteSource&)>& read,
                 std::chrono::nanoseconds worth = std::chrono::nanoseconds::max()) {
    for (Source& source : from) {
      if (source.cache->left_alone()) continue;
      if (source.cache->blob(blob, read, worth)) return true;
      const std::lock_guard lock(mutex);
      source.gone.insert(blob.digest);
    }
    return false;
  }

  std::unique_ptr<PackedFile> fetch(const SharedBlob& blob) {
    std::unique_ptr<PackedFile> file;
    const bool whole = read_blob(blob, [&](ByteSource& source) {
      file = std::make_unique<PackedFile>(store, [&](const ByteSink& sink) {
        std::vector<std::byte> buffer(std::size_t{256} << 10);
        while (const std::size_t got = source.read(buffer)) sink(std::span(buffer).first(got));
      });
    });
    return whole ? std::move(file) : nullptr;
  }
};

SharedCaches::SharedCaches(Store& store, SharedCacheOptions options)
    : SharedCaches(store, std::move(options), open_transport) {}

SharedCaches::SharedCaches(Store& store, SharedCacheOptions options, const OpenTransport& open)
    : state_(std::make_unique<State>(store, std::move(options), open)) {}

SharedCaches::~SharedCaches() = default;

bool SharedCaches::signs() const {
  return state_->signing.has_value();
}
bool SharedCaches::checks_signatures() const {
  return state_->signing.has_value() || !state_->trusted.empty();
}
bool SharedCaches::reads() const {
  return !state_->from.empty();
}
bool SharedCaches::writes() const {
  return !state_->to.empty();
}

std::optional<SharedRecord> SharedCaches::find(const CacheKey& key) {
  for (State::Source& source : state_->from) {
    if (std::optional<SharedRecord> record = state_->find(source, key)) return record;
  }
  return std::nullopt;
}

bool SharedCaches::read_blob(const SharedBlob& blob, const std::function<void(ByteSource&)>& read,
                             std::chrono::nanoseconds worth) {
  return state_->read_blob(blob, read, worth);
}

std::shared_ptr<const LayerIndex> SharedCaches::read_index(const SharedRecord& record) {
  std::shared_ptr<const LayerIndex> index;
  const bool read = read_blob(
      record.index, [&](ByteSource& source) { index = index_from(source, record.record.layer); });
  return read ? index : nullptr;
}

void SharedCaches::offer(const Record& record, const std::vector<RecordedFiles>& files) {
  state_->uploads->offer({.record = record, .index = {}, .tar = {}, .files = files}, false);
}

void SharedCaches::offer(const SharedRecord& found) {
  state_->uploads->offer(found, true);
}

void SharedCaches::stop_reading() {
  for (const State::Source& source : state_->from) source.cache->close();
}

SharedCaches::Figures SharedCaches::figures() const {
  Figures figures;
  const Uploads::Figures uploads = state_->uploads->figures();
  figures.records_sent = uploads.sent;
  figures.records_there = uploads.there;
  figures.records_waiting = uploads.waiting;
  for (const State::Source& source : state_->from) {
    figures.bytes_received += source.cache->bytes_received();
  }
  for (const auto& cache : state_->to) {
    figures.bytes_received += cache->bytes_received();
    figures.bytes_sent += cache->bytes_sent();
  }
  const std::lock_guard lock(state_->mutex);
  figures.records_found = state_->found;
  figures.records_refused = state_->refused;
  return figures;
}

void SharedCaches::finish(const std::function<bool()>& tick) {
  state_->uploads->finish(tick);
}

}  // namespace slipway
