#include <cache/registry/pull.hpp>

#include <cache/blobs.hpp>
#include <cache/images/take_layer.hpp>
#include <cache/registry/client.hpp>
#include <cache/registry/pipe.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>

namespace slipway {
namespace {

// What the network may be ahead of the disk, for each layer under way.
constexpr std::size_t pipe_capacity = std::size_t{2} << 20;

// One level of nesting more than anybody writes.
constexpr int max_index_depth = 2;

class Puller {
 public:
  Puller(Store& store, const Reference& name, PullProgress& progress,
         const std::function<bool()>& cancelled)
      : store_(store),
        progress_(progress),
        client_(name, find_credentials(name.domain),
                [this, cancelled] { return stop_ || (cancelled && cancelled()); }) {}

  // `one_of_several`: an index had it.
  Manifest choose(const Reference& name, const Platform& platform, bool& one_of_several) {
    RegistryClient::Document document = client_.manifest(name);
    progress_.resolved(document.digest);
    for (int depth = 0;; ++depth) {
      auto read = read_manifest(document.bytes, document.media_type);
      one_of_several = depth > 0;
      if (auto* manifest = std::get_if<Manifest>(&read)) return std::move(*manifest);
      if (depth == max_index_depth) throw Error("the image's indexes are nested too deeply");
      document = client_.manifest(choose_manifest(std::get<ImageIndex>(read), platform));
    }
  }

  std::string config(const Manifest& manifest) {
    return client_.small_blob(manifest.config, max_config_size);
  }

  void layers(const std::vector<BlobDescriptor>& blobs, const std::vector<DiffId>& diff_ids) {
    progress_.layers(blobs);
    in_parallel(blobs.size(), [&](std::size_t i) {
      try {
        const bool present = store_.layers().find(diff_ids[i]).has_value();
        if (!present) fetch(i, blobs[i], diff_ids[i]);
        const std::lock_guard lock(mutex_);
        progress_.stored(i, present);
      } catch (...) {
        stop_ = true;
        throw;
      }
    });
  }

 private:
  void fetch(std::size_t position, const BlobDescriptor& blob, const DiffId& diff_id) {
    if (store_.blobs().has(blob.digest)) {
      const std::unique_ptr<ByteSource> source = store_.blobs().open(blob.digest);
      take_layer(store_, *source, blob.digest, diff_id);
      return;
    }
    BytePipe pipe(pipe_capacity);
    std::exception_ptr extraction;
    std::thread extractor([&] {
      try {
        take_layer(store_, pipe, blob.digest, diff_id);
      } catch (...) {
        extraction = std::current_exception();
        pipe.give_up();
      }
    });
    bool downloaded = false;
    try {
      std::uint64_t arrived = 0;
      client_.blob(blob, [&](std::span<const std::byte> bytes) {
        arrived += bytes.size();
        pipe.write(bytes);
        const std::lock_guard lock(mutex_);
        progress_.arrived(position, arrived);
      });
      pipe.close();
      downloaded = true;
    } catch (...) {
      pipe.close(std::current_exception());
    }
    extractor.join();
    // Where both failed, one caused the other: the extractor got the download's failure through
    // the pipe, or the download was cut off because nobody took its bytes.
    if (extraction) std::rethrow_exception(extraction);
    if (!downloaded) throw Error("interrupted");
  }

  Store& store_;
  PullProgress& progress_;
  // Set by the first failure; read by every download.
  std::atomic<bool> stop_ = false;
  RegistryClient client_;
  std::mutex mutex_;  // orders the calls of progress_
};

}  // namespace

Image pull(Store& store, const Reference& name, const Platform& platform, PullProgress& progress,
           const std::function<bool()>& cancelled) {
  Puller puller(store, name, progress, cancelled);
  bool one_of_several = false;
  const Manifest manifest = puller.choose(name, platform, one_of_several);
  const std::string config_json = puller.config(manifest);
  const ImageConfig config = read_image_config(config_json);
  if (config.diff_ids.size() != manifest.layers.size()) {
    throw Error("the image's config lists " + std::to_string(config.diff_ids.size()) +
                " layers, its manifest " + std::to_string(manifest.layers.size()));
  }
  puller.layers(manifest.layers, config.diff_ids);
  store.sync();
  const Digest id = store.images().put(config_json);
  one_of_several ? store.images().tag_platform(name, id) : store.images().tag(name, id);
  return store.images().find(id).value();
}

}  // namespace slipway
