#include <cache/archive/compression.hpp>

#include <cache/archive/gzip.hpp>
#include <cache/archive/zstd.hpp>
#include <cache/blobs.hpp>
#include <cache/layers/layer_blobs.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace slipway {
namespace {

BlobDescriptor described(Compression compression, const Digest& digest, std::uint64_t size) {
  return {.media_type = layer_media_type(compression),
          .digest = digest,
          .size = size,
          .platform = {},
          .annotations = {}};
}

Compression compression_of_blob(Store& store, const Digest& blob) {
  std::array<std::byte, 4> head{};
  const std::unique_ptr<ByteSource> source = store.blobs().open(blob);
  std::size_t filled = 0;
  while (filled < head.size()) {
    const std::size_t got = source->read(std::span(head).subspan(filled));
    if (got == 0) break;
    filled += got;
  }
  return compression_of(std::span(head).first(filled));
}

// The blob that somebody else made of the layer, where the store keeps it.
std::optional<BlobDescriptor> foreign_blob(Store& store, const DiffId& id) {
  const std::optional<Digest> blob = store.layers().blob(id);
  if (!blob) return std::nullopt;
  const std::optional<std::uint64_t> size = store.blobs().size(*blob);
  if (!size) return std::nullopt;  // pruned
  // What came uncompressed is kept in our own gzip, which says nothing of how it came.
  const auto own = store.layer_blobs().find(id, format_name({}));
  if (own && own->digest == *blob) return std::nullopt;
  return described(compression_of_blob(store, *blob), *blob, *size);
}

// Made before, by this format.
std::optional<BlobDescriptor> own_blob(Store& store, const DiffId& id, const LayerFormat& format) {
  const auto made = store.layer_blobs().find(id, format_name(format));
  if (!made) return std::nullopt;
  if (format.compression != Compression::none && store.blobs().size(made->digest) != made->size) {
    return std::nullopt;  // known, but not kept
  }
  return described(format.compression, made->digest, made->size);
}

bool may_keep(const BlobDescriptor& blob, const LayerFormat& format) {
  if (!format.force) return true;
  return !format.level && blob.media_type == layer_media_type(format.compression);
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

std::string layer_media_type(Compression compression, bool oci) {
  std::string type(oci ? media_type::oci_layer : media_type::docker_layer);
  const char* const separator = oci ? "+" : ".";
  if (compression == Compression::gzip) type += std::string(separator) + "gzip";
  if (compression == Compression::zstd) type += std::string(separator) + "zstd";
  return type;
}

std::string format_name(const LayerFormat& format) {
  const auto with_level = [&](const char* name, int usual) -> std::string {
    const int level = format.level.value_or(usual);
    const bool zstd_usual = format.compression == Compression::zstd && level == 0;
    if (level == usual || zstd_usual) return name;
    return std::string(name) + ":" + std::to_string(level);
  };
  switch (format.compression) {
    case Compression::none:
      return "uncompressed";
    case Compression::gzip:
      return with_level("gzip", GzipWriter::usual_level);
    case Compression::zstd:
      return with_level("zstd", ZstdWriter::usual_level);
  }
  return "";
}

void require_level(const LayerFormat& format) {
  if (!format.level) return;
  const auto require = [&](const char* name, int lowest, int highest) {
    if (*format.level >= lowest && *format.level <= highest) return;
    throw Error(std::string(name) + " has no compression level " + std::to_string(*format.level))
        .hint(std::to_string(lowest) + " to " + std::to_string(highest));
  };
  if (format.compression == Compression::gzip) require("gzip", 0, GzipWriter::highest_level);
  if (format.compression == Compression::zstd) require("zstd", 0, ZstdWriter::highest_level);
}

BlobDescriptor layer_blob(Store& store, const DiffId& id, const LayerFormat& format,
                          const std::shared_ptr<BlockPool>& pool) {
  if (std::optional<BlobDescriptor> kept = foreign_blob(store, id);
      kept && may_keep(*kept, format)) {
    return *kept;
  }
  if (std::optional<BlobDescriptor> made = own_blob(store, id, format)) return *made;
  std::uint64_t size = 0;
  if (format.compression == Compression::none) {
    // Its length goes before its bytes, in a tar and in an upload. They are read for it once, and
    // a second time, from the page cache, without a copy on the disk.
    store.layers().write_tar(id, [&](std::span<const std::byte> bytes) { size += bytes.size(); });
    store.layer_blobs().put(id, format_name(format), {id.digest, size});
    return described(Compression::none, id.digest, size);
  }
  const std::unique_ptr<BlobStore::Writer> writer = store.blobs().create();
  const ByteSink keep = [&](std::span<const std::byte> bytes) {
    size += bytes.size();
    writer->write(bytes);
  };
  const auto pack = [&](auto& packer) {
    store.layers().write_tar(id, [&](std::span<const std::byte> bytes) { packer.write(bytes); });
    packer.finish();
  };
  if (format.compression == Compression::gzip) {
    GzipWriter gzip(keep, {.level = format.level, .pool = pool});
    pack(gzip);
  } else {
    ZstdWriter zstd(keep, {.level = format.level, .pool = pool});
    pack(zstd);
  }
  const Digest digest = writer->finish(std::nullopt);
  store.layer_blobs().put(id, format_name(format), {digest, size});
  return described(format.compression, digest, size);
}

}  // namespace slipway
