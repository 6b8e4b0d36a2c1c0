#include <cache/registry/pull.hpp>

#include <cache/blobs.hpp>
#include <cache/file_descriptor.hpp>
#include <cache/images/facts.hpp>
#include <cache/images/take_layer.hpp>
#include <cache/layers/store.hpp>
#include <cache/partial_blob.hpp>
#include <cache/registry/blob_places.hpp>
#include <cache/registry/client.hpp>
#include <cache/registry/pipe.hpp>
#include <cache/state_directory.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace slipway {
namespace {

using Clock = std::chrono::steady_clock;

// What the network may be ahead of the decompressor, for each layer under way.
constexpr std::size_t pipe_capacity = std::size_t{2} << 20;

// One level of nesting more than anybody writes.
constexpr int max_index_depth = 2;

// Who brings a layer and gets on with nothing for so long is not waited for: he may be stopped.
constexpr std::chrono::seconds longest_standstill{10};
constexpr std::chrono::milliseconds look_again{50};

// A small image is there before.
constexpr std::chrono::milliseconds flush_after{500};

void read_to_end(ByteSource& source) {
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (source.read(buffer) > 0) continue;
}

// A source whose reading those see who wait for the blob, unless `blob` is null.
class SeenSource : public ByteSource {
 public:
  SeenSource(ByteSource& source, PartialBlob* blob) : source_(source), blob_(blob) {}
  std::size_t read(std::span<std::byte> buffer) override {
    if (blob_ != nullptr) blob_->show_life();
    return source_.read(buffer);
  }

 private:
  ByteSource& source_;
  PartialBlob* const blob_;
};

// An image's manifest, and what the repository has it as.
struct Found {
  Manifest manifest;
  OriginalManifest original;
  Digest digest;                // of the document that the name stands for: an index, if it had it
  bool one_of_several = false;  // an index had it
};

class Puller {
 public:
  Puller(Store& store, const Reference& name, PullProgress& progress,
         const std::function<bool()>& cancelled)
      : store_(store),
        progress_(progress),
        cancelled_(cancelled),
        client_(name, find_credentials(name.domain), [this] { return must_stop(); }) {}

  Found choose(const Reference& name, const Platform& platform) {
    RegistryClient::Document document = client_.manifest(name);
    Found found;
    found.digest = document.digest;
    progress_.resolved(document.digest);
    for (int depth = 0;; ++depth) {
      auto read = read_manifest(document.bytes, document.media_type);
      found.one_of_several = depth > 0;
      if (auto* manifest = std::get_if<Manifest>(&read)) {
        found.manifest = std::move(*manifest);
        found.original = {std::move(document.media_type), std::move(document.bytes)};
        return found;
      }
      if (depth == max_index_depth) throw Error("the image's indexes are nested too deeply");
      document = client_.manifest(choose_manifest(std::get<ImageIndex>(read), platform));
    }
  }

  std::string config(const Manifest& manifest) {
    return client_.small_blob(manifest.config, max_config_size);
  }

  void warn() {
    for (const std::string& text : client_.warnings()) progress_.warned(text);
  }

  void layers(const std::vector<BlobDescriptor>& blobs, const std::vector<DiffId>& diff_ids) {
    progress_.layers(blobs);
    in_parallel(blobs.size(), [&](std::size_t i) {
      try {
        const bool present = bring(i, blobs[i], diff_ids[i]);
        const std::lock_guard lock(mutex_);
        progress_.stored(i, present);
      } catch (...) {
        stop_ = true;
        throw;
      }
    });
  }

 private:
  bool must_stop() const { return stop_ || (cancelled_ && cancelled_()); }

  // True: it was here, or another process has brought it.
  bool bring(std::size_t position, const BlobDescriptor& blob, const DiffId& diff_id) {
    bool waited = false;
    PartialBlob::Sign there;
    Clock::time_point moved = Clock::now();
    for (;; waited = true) {
      if (store_.layers().find(diff_id)) {
        // One that was killed when it had stored the layer has left what it came of.
        PartialBlob::drop(store_.state(), blob.digest);
        return true;
      }
      if (std::optional<PartialBlob> own = PartialBlob::attempt(store_.state(), blob.digest)) {
        // It came between the two questions.
        if (store_.layers().find(diff_id)) {
          own->clear();
          return true;
        }
        if (from_kept_blob(blob, diff_id, &*own)) {
          own->clear();
        } else {
          download(position, blob, diff_id, *own);
        }
        return false;
      }
      if (must_stop()) throw Error("interrupted");
      const PartialBlob::Sign now = PartialBlob::sign_of(store_.state(), blob.digest);
      if (!waited || now != there) {
        moved = Clock::now();
        const std::lock_guard lock(mutex_);
        progress_.arrived(position, std::min(now.bytes, blob.size));
      }
      there = now;
      if (Clock::now() - moved > longest_standstill) {
        // All of it may be here, and who stands still has only not unpacked it.
        if (from_kept_blob(blob, diff_id, nullptr)) return false;
        PartialBlob aside = PartialBlob::aside(store_.state(), blob.digest);
        download(position, blob, diff_id, aside);
        return false;
      }
      std::this_thread::sleep_for(look_again);
    }
  }

  // False: there is none, or it was damaged and is removed. `own`: where those who wait see that
  // this goes on.
  bool from_kept_blob(const BlobDescriptor& blob, const DiffId& diff_id, PartialBlob* own) {
    if (!store_.blobs().has(blob.digest)) return false;
    try {
      const std::unique_ptr<ByteSource> source = store_.blobs().open(blob.digest);
      SeenSource seen(*source, own);
      store_.layers().extract(seen, diff_id, false);
      read_to_end(seen);  // where it finds out whether the bytes are the digest's
      store_.layers().remember_blob(diff_id, blob.digest);
      return true;
    } catch (const Error&) {
      if (is_whole(blob.digest)) throw;
      return false;
    }
  }

  bool is_whole(const Digest& digest) {
    try {
      read_to_end(*store_.blobs().open(digest));
      return true;
    } catch (const Error&) {
      return false;  // opened and read to its end, a damaged blob is removed
    }
  }

  void download(std::size_t position, const BlobDescriptor& blob, const DiffId& diff_id,
                PartialBlob& partial) {
    if (partial.size() > blob.size) partial.clear();
    // Bytes that were kept from before, and those of a mirror, may be wrong where the registry's
    // are right.
    const bool doubtful = partial.size() > 0 || client_.asks_mirrors();
    bool wrong = false;
    try {
      attempt(position, blob, diff_id, partial, doubtful, wrong);
    } catch (const Error&) {
      if (!wrong || !doubtful || must_stop()) throw;
      client_.give_up_mirrors();
      attempt(position, blob, diff_id, partial, false, wrong);
    }
    partial.keep();
    store_.layers().remember_blob(diff_id, blob.digest);
  }

  // This thread receives, hashes and keeps the blob's bytes; two others decompress them and write
  // files. Bytes that are `wrong` empty `partial`: those with another digest, and doubtful ones
  // that cannot be unpacked. Others stay, because it may be the disk that is full.
  void attempt(std::size_t position, const BlobDescriptor& blob, const DiffId& diff_id,
               PartialBlob& partial, bool doubtful, bool& wrong) {
    wrong = false;
    BytePipe pipe(pipe_capacity);
    std::exception_ptr extraction;
    std::thread extractor([&] {
      try {
        store_.layers().extract(pipe, diff_id, false);
        // What follows the end of what is compressed is the blob's as well, and somebody has to
        // take it, or who receives it would wait for ever.
        read_to_end(pipe);
      } catch (...) {
        extraction = std::current_exception();
        pipe.give_up();
      }
    });
    std::exception_ptr failure;
    try {
      // The pipe's end is the layer's: it is kept only when the blob's digest is known to be right.
      if (receive(position, blob, partial, pipe) != blob.digest) {
        wrong = true;
        throw Error("a layer's blob has not the digest " + blob.digest.text())
            .hint("the image is damaged, or was altered on its way");
      }
      pipe.close();
    } catch (...) {
      failure = std::current_exception();
      // Where both fail, one caused the other: the extractor gets this failure through the pipe, or
      // this thread was cut off because nobody takes its bytes.
      if (!wrong && pipe.given_up()) failure = nullptr;
      pipe.close(failure);
    }
    extractor.join();
    if (!failure && extraction) {
      wrong = doubtful;
      failure = extraction;
    }
    if (!failure) return;
    if (wrong) partial.clear();
    std::rethrow_exception(failure);
  }

  Digest receive(std::size_t position, const BlobDescriptor& blob, PartialBlob& partial,
                 BytePipe& pipe) {
    Hasher hasher;
    std::uint64_t arrived = partial.size();
    if (arrived > 0) {
      {
        const std::lock_guard lock(mutex_);
        progress_.resumed(position, arrived);
      }
      partial.read([&](std::span<const std::byte> bytes) {
        if (must_stop()) throw Error("interrupted");
        hasher.update(bytes);
        pipe.write(bytes);
        partial.show_life();
      });
    }
    if (arrived == blob.size) return hasher.finish();
    const ByteSink sink = [&](std::span<const std::byte> bytes) {
      hasher.update(bytes);
      partial.append(bytes);
      pipe.write(bytes);
      arrived += bytes.size();
      const std::lock_guard lock(mutex_);
      progress_.arrived(position, arrived);
    };
    client_.blob(blob, sink, arrived);
    return hasher.finish();
  }

  Store& store_;
  PullProgress& progress_;
  const std::function<bool()>& cancelled_;
  // Set by the first failure; read by every download.
  std::atomic<bool> stop_ = false;
  RegistryClient client_;
  std::mutex mutex_;  // orders the calls of progress_
};

// Writes to the disk what is not there yet, again and again while layers arrive: at the end little
// is left for Store::sync() to wait for. What it cannot write, that one says.
class Flusher {
 public:
  explicit Flusher(const StateDirectory& state)
      : folder_(::open(state.root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        thread_([this] { run(); }) {}
  Flusher(const Flusher&) = delete;
  ~Flusher() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, flush_after, [this] { return ended_; })) {
      lock.unlock();
      if (folder_) (void)::syncfs(folder_.get());
      lock.lock();
    }
  }

  const FileDescriptor folder_;
  std::mutex mutex_;  // guards ended_
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread thread_;
};

// What is known of it from now on, beside its config.
void remember(Store& store, const Reference& name, const Digest& id, const Digest& named,
              const Found& found) {
  std::vector<Digest> blobs{found.manifest.config.digest};
  bool kept = true;
  for (const BlobDescriptor& layer : found.manifest.layers) {
    blobs.push_back(layer.digest);
    kept = kept && store.blobs().has(layer.digest);
  }
  // Of two manifests with one config, the one whose blobs are here can be given on.
  if (kept || !store.image_facts().manifest(id))
    store.image_facts().put_manifest(id, found.original);
  store.image_facts().put_digest(id, name, found.digest);
  if (named != id) store.image_facts().put_digest(named, name, found.digest);
  store.blob_places().put(blobs, name);
}

}  // namespace

Image pull(Store& store, const Reference& name, const Platform& platform, PullProgress& progress,
           const std::function<bool()>& cancelled) {
  PartialBlob::drop_old(store.state());
  Puller puller(store, name, progress, cancelled);
  const Found found = puller.choose(name, platform);
  const std::string config_json = puller.config(found.manifest);
  const ImageConfig config = read_image_config(config_json);
  if (config.diff_ids.size() != found.manifest.layers.size()) {
    throw Error("the image's config lists " + std::to_string(config.diff_ids.size()) +
                " layers, its manifest " + std::to_string(found.manifest.layers.size()));
  }
  {
    const Flusher flusher(store.state());
    puller.layers(found.manifest.layers, config.diff_ids);
  }
  store.sync();
  const Digest id = store.images().put(config_json);
  Digest named = id;
  if (found.one_of_several) {
    named = store.images().tag_platform(name, id);
  } else {
    store.images().tag(name, id);
  }
  remember(store, name, id, named, found);
  puller.warn();
  if (std::optional<Image> image = store.images().find(id)) return std::move(*image);
  throw Error("the image " + quoted(name.familiar()) + " has just been removed by another process");
}

namespace {

// Where a registry without lists of referrers has one for a manifest: "sha256-HEX"
// (distribution-spec, "Referrers Tag Schema"); signing tools put ".sig" and the like behind it.
bool is_about_a_manifest(std::string_view tag) {
  constexpr std::string_view algorithm = "sha256-";
  if (!tag.starts_with(algorithm)) return false;
  tag.remove_prefix(algorithm.size());
  const std::size_t end = std::min(tag.find('.'), tag.size());
  return Digest::parse_hex(tag.substr(0, end)).has_value();
}

}  // namespace

std::vector<Reference> tagged_names(const Reference& name) {
  RegistryClient client(name, find_credentials(name.domain));
  Reference each = name;
  each.digest.reset();
  std::vector<Reference> names;
  for (const std::string& tag : client.tags()) {
    if (is_about_a_manifest(tag)) continue;
    // It is to become a name in the store, and there is what a registry made up.
    each.tag = tag;
    if (!is_name(each))
      throw Error("registry " + quoted(name.domain) + " lists a tag for " +
                  quoted(name.repository) + " that is none: " + quoted(tag));
    names.push_back(each);
  }
  if (names.empty()) throw Error("the repository " + quoted(name.familiar()) + " has no tags");
  return names;
}

}  // namespace slipway
