#include <cache/shared/uploads.hpp>

#include <cache/layers/layer_blobs.hpp>
#include <ir/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t most_threads = 3;
// More steps than any build has; what they hold is bounded beside.
constexpr std::size_t most_waiting = 4096;
constexpr std::size_t most_waiting_bytes = std::size_t{64} << 20;
// A list of files that is longer gives more than most_shared_files, however it is compressed: it
// consists of digests for the most part.
constexpr std::size_t longest_list = std::size_t{1} << 20;
constexpr std::chrono::milliseconds tick_interval{100};

struct Job {
  SharedRecord record;
  bool found = false;
  std::size_t size = 0;  // in memory, nearly
};

std::size_t size_of(const SharedRecord& shared) {
  std::size_t size = 0;
  for (const KeyPart& part : shared.record.parts) size += part.label.size() + part.value.size();
  for (const RecordedFiles& files : shared.files) size += files.part.size() + files.list.size();
  return size;
}

// A part of a layer: which blob it is, as far as that is known, and its file while it is needed.
struct Part {
  std::optional<SharedBlob> blob;
  std::unique_ptr<PackedFile> file;
};

// What is known of one layer in this build.
struct Layer {
  // From the store its blobs are made here, and known to be the layer's. Else they are what a
  // record of another cache says they are, which goes into no record but that one.
  bool in_store = false;
  // Held for as long as one thread brings the layer to the caches, waiting for them included: who
  // has an equal layer waits, and then finds it there.
  std::mutex mutex;
  Part index;
  Part tar;
  struct Blobs {
    SharedBlob index;
    SharedBlob tar;
  };
  std::map<const GuardedCache*, Blobs> at;  // where it is already
};

}  // namespace

struct Uploads::State {
  Store& store;
  const std::vector<GuardedCache*> destinations;
  const Rules rules;
  std::atomic<bool> stopping = false;

  // Guards all below; `changed` is notified at every change.
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> queue;
  std::size_t queued_bytes = 0;
  std::set<CacheKey> offered;
  // By diffID and, of those that are not in the store, the blobs that a record names.
  std::map<std::tuple<DiffId, Digest, Digest>, std::shared_ptr<Layer>> layers;
  std::vector<std::thread> threads;
  std::size_t idle = 0;
  Figures figures;
  bool noted = false;

  bool cancelled() const { return stopping || (rules.cancelled && rules.cancelled()); }
  bool any_left() const {
    return std::any_of(destinations.begin(), destinations.end(),
                       [](const GuardedCache* cache) { return !cache->left_alone(); });
  }

  bool enqueue(SharedRecord record, bool found);  // false: there is no room
  bool start_thread();
  void work();
  void send(const Job& job);
  bool send(const Job& job, Layer& layer, GuardedCache& cache);
  bool is_there(const Job& job, std::size_t destination);
  std::optional<Layer::Blobs> put_layer(const Job& job, Layer& layer, GuardedCache& cache);
  bool put_part(const Job& job, LayerPart which, Layer& layer, GuardedCache& cache);
  bool pack(const Job& job, LayerPart which, bool in_store, Part& part);
  std::shared_ptr<Layer> layer_of(const SharedRecord& record);
  void note_once(const Error& failure);
};

std::shared_ptr<Layer> Uploads::State::layer_of(const SharedRecord& record) {
  const DiffId& id = record.record.layer.diff_id;
  const bool in_store = store.layers().find(id).has_value();
  const Digest none;
  const std::lock_guard lock(mutex);
  std::shared_ptr<Layer>& layer =
      layers[{id, in_store ? none : record.index.digest, in_store ? none : record.tar.digest}];
  if (!layer) {
    layer = std::make_shared<Layer>();
    layer->in_store = in_store;
  }
  return layer;
}

void Uploads::State::note_once(const Error& failure) {
  if (cancelled()) return;
  {
    const std::lock_guard lock(mutex);
    if (std::exchange(noted, true)) return;
  }
  if (!rules.note) return;
  Diagnostic note = failure.diagnostics().back();
  note.message = "a result of this build is not shared: " + note.message;
  rules.note(note);
}

// False: it cannot be had any more, which has been noted where it was to come from.
bool Uploads::State::pack(const Job& job, LayerPart which, bool in_store, Part& part) {
  const DiffId& id = job.record.record.layer.diff_id;
  if (in_store) {
    part.file = std::make_unique<PackedFile>(store, [&](const ByteSink& sink) {
      pack_layer(store, id, which, sink, [this] { return cancelled(); });
    });
    part.blob = part.file->blob();
    store.layer_blobs().put(id, compression_name(which), {part.blob->digest, part.blob->size});
    return true;
  }
  if (!job.found) throw Error("layer " + id.text() + " is not in the store");
  part.file = rules.fetch(*part.blob);
  return part.file != nullptr;
}

bool Uploads::State::put_part(const Job& job, LayerPart which, Layer& layer, GuardedCache& cache) {
  Part& part = which == LayerPart::index ? layer.index : layer.tar;
  if (part.blob) {
    const std::optional<bool> there = cache.has_blob(*part.blob);
    if (!there || *there) return there.has_value();
  }
  if (!part.file) {
    const std::optional<SharedBlob> expected = part.blob;
    if (!pack(job, which, layer.in_store, part)) return false;
    // What another version of the compressor made is another blob.
    if (part.blob != expected) {
      const std::optional<bool> there = cache.has_blob(*part.blob);
      if (!there || *there) return there.has_value();
    }
  }
  return cache.put_blob(*part.blob, part.file->path());
}

std::optional<Layer::Blobs> Uploads::State::put_layer(const Job& job, Layer& layer,
                                                      GuardedCache& cache) {
  const auto known = layer.at.find(&cache);
  if (known != layer.at.end()) return known->second;
  const DiffId& id = job.record.record.layer.diff_id;
  const auto expect = [&](LayerPart which, Part& part, const SharedBlob& found) {
    if (part.blob) return;
    if (!layer.in_store) {
      if (job.found) part.blob = found;
    } else if (const auto blob = store.layer_blobs().find(id, compression_name(which))) {
      part.blob = SharedBlob{blob->digest, blob->size};
    }
  };
  expect(LayerPart::index, layer.index, job.record.index);
  expect(LayerPart::tar, layer.tar, job.record.tar);
  if (!put_part(job, LayerPart::index, layer, cache) ||
      !put_part(job, LayerPart::tar, layer, cache)) {
    return std::nullopt;
  }
  return layer.at[&cache] = {*layer.index.blob, *layer.tar.blob};
}

bool Uploads::State::is_there(const Job& job, std::size_t destination) {
  const Record& record = job.record.record;
  if (const auto known = rules.known(destination, record.key)) return *known;
  GuardedCache& cache = *destinations[destination];
  std::optional<std::string> bytes = cache.record(record.key.digest);
  if (!bytes) return false;
  const std::optional<SharedRecord> there = rules.read(std::move(*bytes), record.key);
  // A server that makes room may have dropped what the record refers to.
  return there && cache.has_blob(there->index).value_or(false) &&
         cache.has_blob(there->tar).value_or(false);
}

bool Uploads::State::send(const Job& job, Layer& layer, GuardedCache& cache) {
  const std::optional<Layer::Blobs> blobs = put_layer(job, layer, cache);
  if (!blobs) return false;
  SharedRecord shared = job.record;
  shared.index = blobs->index;
  shared.tar = blobs->tar;
  const std::string bytes = rules.bytes_of(shared);
  if (bytes.size() > CacheTransport::longest_record) throw Error("its record is too long");
  return cache.put_record(shared.record.key.digest, bytes, {blobs->index, blobs->tar});
}

void Uploads::State::send(const Job& job) {
  std::vector<GuardedCache*> lacking;
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    if (cancelled() || destinations[i]->left_alone()) continue;
    if (!is_there(job, i)) lacking.push_back(destinations[i]);
  }
  bool sent = false;
  if (!lacking.empty()) {
    const std::shared_ptr<Layer> layer = layer_of(job.record);
    const std::lock_guard layer_lock(layer->mutex);
    // Until the last of them has it.
    const auto drop_files = [](Layer* done) {
      done->index.file.reset();
      done->tar.file.reset();
    };
    const std::unique_ptr<Layer, decltype(drop_files)> files(layer.get(), drop_files);
    for (GuardedCache* cache : lacking) {
      if (!cancelled() && !cache->left_alone()) sent |= send(job, *layer, *cache);
    }
  }
  const std::lock_guard lock(mutex);
  figures.sent += sent ? 1 : 0;
  figures.there += lacking.empty() && any_left() ? 1 : 0;
}

bool Uploads::State::enqueue(SharedRecord record, bool found) {
  const std::lock_guard lock(mutex);
  if (stopping || !offered.insert(record.record.key).second) return true;
  if (queued_bytes + size_of(record) > most_waiting_bytes) record.files.clear();
  const std::size_t size = size_of(record);
  if (queue.size() >= most_waiting || queued_bytes + size > most_waiting_bytes) return false;
  if (idle <= queue.size() && threads.size() < most_threads && !start_thread()) return false;
  queue.push_back({std::move(record), found, size});
  queued_bytes += size;
  ++figures.waiting;
  changed.notify_all();
  return true;
}

bool Uploads::State::start_thread() {
  try {
    threads.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    return !threads.empty();  // those there are will come to it
  }
  return true;
}

void Uploads::State::work() {
  // The steps of the build come first. On Linux this is one thread's; where it fails, it is no
  // worse than without.
  (void)!::nice(5);
  std::unique_lock lock(mutex);
  for (;;) {
    ++idle;
    changed.wait(lock, [&] { return stopping || !queue.empty(); });
    --idle;
    if (stopping) return;
    Job job = std::move(queue.front());
    queue.pop_front();
    queued_bytes -= job.size;
    lock.unlock();
    try {
      send(job);
    } catch (const Error& failure) {
      note_once(failure);
    } catch (const std::exception& failure) {
      note_once(Error(failure.what()));
    }
    lock.lock();
    --figures.waiting;
    changed.notify_all();
  }
}

Uploads::Uploads(Store& store, std::vector<GuardedCache*> destinations, Rules rules)
    : state_(new State{store, std::move(destinations), std::move(rules)}) {}

Uploads::~Uploads() {
  stop();
  for (std::thread& thread : state_->threads) thread.join();
}

void Uploads::stop() {
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->figures.waiting -= state_->queue.size();
  state_->queue.clear();
  state_->changed.notify_all();
}

void Uploads::offer(SharedRecord record, bool found) {
  if (!can_be_shared(record.record.parts) || !state_->any_left()) return;
  std::erase_if(record.files,
                [](const RecordedFiles& files) { return files.list.size() > longest_list; });
  if (!state_->enqueue(std::move(record), found)) {
    state_->note_once(Error("too many wait to be sent already"));
  }
}

Uploads::Figures Uploads::figures() const {
  const std::lock_guard lock(state_->mutex);
  return state_->figures;
}

void Uploads::finish(const std::function<bool()>& tick) {
  for (;;) {
    {
      std::unique_lock lock(state_->mutex);
      if (state_->changed.wait_for(lock, tick_interval,
                                   [&] { return state_->figures.waiting == 0; })) {
        return;
      }
    }
    if ((tick && tick()) || state_->cancelled()) return;
  }
}

}  // namespace slipway
