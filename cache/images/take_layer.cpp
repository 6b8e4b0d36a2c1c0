#include <cache/images/take_layer.hpp>

#include <cache/archive/compression.hpp>
#include <cache/archive/gzip.hpp>
#include <cache/blobs.hpp>
#include <cache/layers/layer_blobs.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// Registries allow about this many connections a client before they slow it down.
constexpr std::size_t most_at_a_time = 4;

// Hands on what it reads, and keeps a copy on the way.
class KeepingSource : public ByteSource {
 public:
  KeepingSource(ByteSource& inner, BlobStore::Writer& writer) : inner_(inner), writer_(writer) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t got = inner_.read(buffer);
    const std::span<const std::byte> bytes(buffer.data(), got);
    if (got == 0) return 0;
    if (!begun_) begin(bytes);
    hasher_.update(bytes);
    if (gzip_) {
      gzip_->write(bytes);
    } else {
      writer_.write(bytes);
    }
    return got;
  }

  // Extraction may end before the blob does: a tar ends where its own mark says so.
  void drain() {
    std::vector<std::byte> buffer(std::size_t{64} << 10);
    while (read(buffer) > 0) {
    }
    if (gzip_) gzip_->finish();
  }

  Digest digest() { return hasher_.finish(); }
  bool changed() const { return gzip_ != nullptr; }

 private:
  void begin(std::span<const std::byte> bytes) {
    begun_ = true;
    if (compression_of(bytes) == Compression::none) {
      gzip_ = std::make_unique<GzipWriter>(
          [this](std::span<const std::byte> packed) { writer_.write(packed); });
    }
  }

  ByteSource& inner_;
  BlobStore::Writer& writer_;
  std::unique_ptr<GzipWriter> gzip_;
  Hasher hasher_;
  bool begun_ = false;
};

}  // namespace

LayerRef take_layer(Store& store, ByteSource& blob, const std::optional<Digest>& digest,
                    const DiffId& diff_id) {
  const std::unique_ptr<BlobStore::Writer> writer = store.blobs().create();
  KeepingSource source(blob, *writer);
  // The layer becomes visible here, before the blob's own digest is known: what it holds is what
  // the diffID says, and that comes from a config whose digest was verified.
  const LayerRef layer = store.layers().extract(source, diff_id, false);
  source.drain();
  if (const Digest found = source.digest(); digest && found != *digest) {
    throw Error("a layer's blob has the digest " + found.text() + " instead of " + digest->text())
        .hint("the image is damaged, or was altered on its way");
  }
  const Digest kept = writer->finish(source.changed() ? std::nullopt : digest);
  store.layers().remember_blob(diff_id, kept);
  if (source.changed()) {  // in the usual format, so that nobody takes it for a registry's own
    store.layer_blobs().put(diff_id, format_name({}), {kept, store.blobs().size(kept).value()});
  }
  return layer;
}

void in_parallel(std::size_t count, const std::function<void(std::size_t)>& take) {
  std::atomic<std::size_t> next = 0;  // the next that nobody has taken
  std::mutex mutex;                   // guards the failure
  std::exception_ptr failure;
  const auto fail = [&] {
    const std::lock_guard lock(mutex);
    if (!failure) failure = std::current_exception();
    next = count;
  };
  const auto work = [&] {
    // Counted up at most once beyond the end by each thread, so it cannot wrap.
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        take(i);
      } catch (...) {
        fail();
      }
    }
  };
  std::vector<std::thread> threads;
  try {
    for (std::size_t i = 0; i < std::min(most_at_a_time, count); ++i) threads.emplace_back(work);
  } catch (...) {  // no more threads to be had
    fail();
  }
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace slipway
