#include <cache/archive/compression.hpp>

#include <cache/archive/gzip.hpp>
#include <cache/archive/zstd.hpp>
#include <cache/blobs.hpp>
#include <cache/store.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace slipway {
namespace {

std::optional<BlobDescriptor> kept_blob(Store& store, const DiffId& id,
                                        Compression wanted) {
  const std::optional<Digest> blob = store.layers().blob(id);
  if (!blob) return std::nullopt;
  const std::optional<std::uint64_t> size = store.blobs().size(*blob);
  if (!size) return std::nullopt;  // pruned
  std::array<std::byte, 4> head{};
  const std::unique_ptr<ByteSource> source = store.blobs().open(*blob);
  std::size_t filled = 0;
  while (filled < head.size()) {
    const std::size_t got = source->read(std::span(head).subspan(filled));
    if (got == 0) break;
    filled += got;
  }
  const Compression compression = compression_of(std::span(head).first(filled));
  if (compression != wanted) return std::nullopt;
  return BlobDescriptor{.media_type = layer_media_type(compression),
                        .digest = *blob,
                        .size = *size,
                        .platform = {},
                        .annotations = {}};
}

}  // namespace

Compression compression_of(std::span<const std::byte> head) {
  const auto is = [&](std::size_t at, unsigned value) {
    return at < head.size() && head[at] == static_cast<std::byte>(value);
  };
  if (is(0, 0x1f) && is(1, 0x8b)) return Compression::gzip;
  if (is(0, 0x28) && is(1, 0xb5) && is(2, 0x2f) && is(3, 0xfd)) return Compression::zstd;
  return Compression::none;
}

std::string layer_media_type(Compression compression) {
  std::string type(media_type::oci_layer);
  if (compression == Compression::gzip) type += "+gzip";
  if (compression == Compression::zstd) type += "+zstd";
  return type;
}

BlobDescriptor compressed_layer(Store& store, const DiffId& id, Compression compression) {
  if (std::optional<BlobDescriptor> kept = kept_blob(store, id, compression)) return *kept;
  const std::unique_ptr<BlobStore::Writer> writer = store.blobs().create();
  std::uint64_t size = 0;
  const ByteSink keep = [&](std::span<const std::byte> bytes) {
    size += bytes.size();
    writer->write(bytes);
  };
  const auto pack = [&](auto& packer) {
    store.layers().write_tar(id, [&](std::span<const std::byte> bytes) { packer.write(bytes); });
    packer.finish();
  };
  if (compression == Compression::gzip) {
    GzipWriter gzip(keep);
    pack(gzip);
  } else {
    ZstdWriter zstd(keep);
    pack(zstd);
  }
  const Digest digest = writer->finish(std::nullopt);
  store.layers().remember_blob(id, digest);
  return {.media_type = layer_media_type(compression),
          .digest = digest,
          .size = size,
          .platform = {},
          .annotations = {}};
}

}  // namespace slipway
