#include <cache/registry/push.hpp>

#include <cache/blobs.hpp>
#include <cache/registry/blob_places.hpp>
#include <cache/registry/client.hpp>
#include <cache/shared/packed_layer.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace slipway {
namespace {

// As many as a pull has at a time.
constexpr std::size_t most_at_a_time = 4;
// Configs and statements are sent from memory.
constexpr std::uint64_t small_blob = std::uint64_t{1} << 20;

}  // namespace

struct Push::State {
  Store& store;
  const Reference name;
  PushProgress& progress;
  const std::function<bool()> cancelled;
  std::atomic<bool> stop = false;  // set by the first failure; read by every request
  RegistryClient client;

  std::mutex progress_mutex;  // orders the calls of progress

  std::mutex mutex;  // guards all below; `changed` is notified at every change
  std::condition_variable changed;
  std::deque<PackedBlob> waiting;
  std::set<Digest> begun;
  std::size_t under_way = 0;
  bool closed = false;  // nothing more is begun
  std::exception_ptr failure;
  std::vector<std::thread> threads;

  State(Store& to_read, const Reference& to, PushProgress& told, std::function<bool()> asked)
      : store(to_read),
        name(to),
        progress(told),
        cancelled(std::move(asked)),
        client(name, find_credentials(name.domain),
               [this] { return stop || (cancelled && cancelled()); }) {}

  void work();
  void send(const PackedBlob& blob);
  void upload(const PackedBlob& blob);
  void tell(const Digest& digest, PushProgress::Outcome outcome, const std::string& from = {}) {
    const std::lock_guard lock(progress_mutex);
    progress.done(digest, outcome, from);
  }
};

void Push::State::work() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return closed || stop || !waiting.empty(); });
    if (stop || waiting.empty()) return;
    const PackedBlob blob = std::move(waiting.front());
    waiting.pop_front();
    ++under_way;
    lock.unlock();
    std::exception_ptr failed;
    try {
      send(blob);
    } catch (...) {
      failed = std::current_exception();
      stop = true;
    }
    lock.lock();
    --under_way;
    if (failed && !failure) failure = failed;
    changed.notify_all();
  }
}

void Push::State::send(const PackedBlob& blob) {
  const BlobDescriptor& descriptor = blob.descriptor;
  if (client.has_blob(descriptor)) {
    return tell(descriptor.digest, PushProgress::Outcome::there);
  }
  for (const std::string& repository : store.blob_places().elsewhere(descriptor.digest, name)) {
    if (client.mount_blob(descriptor.digest, repository))
      return tell(descriptor.digest, PushProgress::Outcome::mounted, repository);
  }
  upload(blob);
  tell(descriptor.digest, PushProgress::Outcome::sent);
}

void Push::State::upload(const PackedBlob& blob) {
  const BlobDescriptor& descriptor = blob.descriptor;
  BlobPlaces& places = store.blob_places();
  BlobUpload how;
  how.sent = [&](std::uint64_t bytes) {
    const std::lock_guard lock(progress_mutex);
    progress.sent(descriptor.digest, bytes);
  };
  if (descriptor.size <= small_blob) {
    std::string bytes;
    blob.write([&bytes](std::span<const std::byte> piece) {
      bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    });
    return client.put_blob(descriptor, std::move(bytes), how);
  }
  how.location = places.upload(descriptor.digest, name).value_or("");
  how.moved = [&](const std::string& location) {
    places.put_upload(descriptor.digest, name,
                      location.empty() ? std::nullopt : std::optional(location));
  };
  if (!blob.file.empty()) {
    client.put_blob(descriptor, FilePiece{blob.file, 0, descriptor.size}, how);
  } else {
    const PackedFile file(store, blob.write);
    if (file.blob().digest != descriptor.digest)
      throw Error("the blob " + descriptor.digest.text() + " is not what it was")
          .hint("run slipway fsck");
    client.put_blob(descriptor, FilePiece{file.path(), 0, descriptor.size}, how);
  }
}

Push::Push(Store& store, const Reference& name, PushProgress& progress,
           std::function<bool()> cancelled)
    : state_(std::make_unique<State>(store, name, progress, std::move(cancelled))) {}

Push::~Push() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    if (!state_->waiting.empty() || state_->under_way > 0) state_->stop = true;
    state_->changed.notify_all();
  }
  for (std::thread& thread : state_->threads) thread.join();
}

void Push::begin(const PackedBlob& blob) {
  State& state = *state_;
  {
    const std::lock_guard lock(state.mutex);
    // Who makes blobs need not make more of them.
    if (state.failure) std::rethrow_exception(state.failure);
    if (!state.begun.insert(blob.descriptor.digest).second) return;
  }
  {
    const std::lock_guard lock(state.progress_mutex);
    state.progress.began(blob.descriptor);
  }
  const std::lock_guard lock(state.mutex);
  state.waiting.push_back(blob);
  if (state.threads.size() < most_at_a_time) state.threads.emplace_back([&state] { state.work(); });
  state.changed.notify_all();
}

BlobDescriptor Push::finish(const Packed& image, bool by_digest) {
  State& state = *state_;
  std::vector<Digest> blobs;
  for (const PackedBlob& blob : image.blobs) {
    begin(blob);
    blobs.push_back(blob.descriptor.digest);
  }
  {
    std::unique_lock lock(state.mutex);
    state.changed.wait(
        lock, [&state] { return state.under_way == 0 && (state.stop || state.waiting.empty()); });
    if (state.failure) std::rethrow_exception(state.failure);
  }
  state.store.blob_places().put(blobs, state.name);
  for (const PackedDocument& document : image.documents) {
    const bool root = document.descriptor.digest == image.root.digest;
    state.client.put_manifest(
        root && !by_digest ? state.name.tag : document.descriptor.digest.text(),
        document.descriptor.media_type, document.json);
  }
  {
    const std::lock_guard lock(state.progress_mutex);
    for (const std::string& text : state.client.warnings()) state.progress.warned(text);
  }
  return image.root;
}

BlobDescriptor push(Store& store, const Reference& name, const Packed& image,
                    PushProgress& progress, const std::function<bool()>& cancelled,
                    bool by_digest) {
  return Push(store, name, progress, cancelled).finish(image, by_digest);
}

BlobDescriptor push(Store& store, const Reference& name, const ToPack& images,
                    PackOptions options, PushProgress& progress,
                    const std::function<bool()>& cancelled, bool by_digest) {
  Push under_way(store, name, progress, cancelled);
  options.ready = [&under_way](const PackedBlob& blob) { under_way.begin(blob); };
  return under_way.finish(pack(store, images, options), by_digest);
}

}  // namespace slipway
