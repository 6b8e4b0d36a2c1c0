#include <cache/mounts/frames.hpp>

#include <ir/error.hpp>

#include <zstd.h>

#include <new>

namespace slipway {
namespace {

constexpr int level = 3;

std::size_t check(std::size_t result) {
  if (ZSTD_isError(result) != 0)
    throw Error("zstd failed: " + std::string(ZSTD_getErrorName(result)));
  return result;
}

}  // namespace

struct Frames::Contexts {
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> compress{ZSTD_createCCtx(), ZSTD_freeCCtx};
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> expand{ZSTD_createDCtx(), ZSTD_freeDCtx};
};

Frames::Frames() : contexts_(std::make_unique<Contexts>()) {
  if (!contexts_->compress || !contexts_->expand) throw std::bad_alloc();
  check(ZSTD_CCtx_setParameter(contexts_->compress.get(), ZSTD_c_compressionLevel, level));
  check(ZSTD_CCtx_setParameter(contexts_->compress.get(), ZSTD_c_checksumFlag, 1));
}

Frames::~Frames() = default;

std::string Frames::compress(std::string_view bytes) {
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  frame.resize(check(ZSTD_compress2(contexts_->compress.get(), frame.data(), frame.size(),
                                    bytes.data(), bytes.size())));
  return frame;
}

std::string Frames::expand(std::string_view frame, std::size_t most) {
  // What the header says is only believed as far as it is allowed, and then compared.
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > most)
    throw Error("a zstd frame is damaged, or larger than it may be");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  const std::size_t got = check(ZSTD_decompressDCtx(contexts_->expand.get(), bytes.data(),
                                                    bytes.size(), frame.data(), frame.size()));
  if (got != bytes.size()) throw Error("a zstd frame has not the size its header says");
  return bytes;
}

}  // namespace slipway
