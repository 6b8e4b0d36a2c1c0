#include <cache/archive/zstd.hpp>

#include <cache/archive/block_writer.hpp>
#include <ir/error.hpp>

#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// Part of the bytes that come out. Four of the level's windows or more, so that little is lost
// where one frame cannot look into the one before.
std::size_t frame_size(int level) {
  if (level < 10) return std::size_t{8} << 20;
  if (level < 20) return std::size_t{32} << 20;
  return std::size_t{64} << 20;
}

std::size_t check(std::size_t result) {
  if (::ZSTD_isError(result) != 0) {
    throw Error("zstd failed: " + std::string(::ZSTD_getErrorName(result)));
  }
  return result;
}

class Context {
 public:
  explicit Context(int level) {
    if (!context_) throw std::bad_alloc();
    check(::ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level));
    check(::ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1));
  }
  void compress(Block& block) {
    // Fresh memory for each frame costs a tenth of the time: its pages are zeroed twice.
    scratch_.resize(std::max(scratch_.size(), ::ZSTD_compressBound(block.input.size())));
    const std::size_t size =
        check(::ZSTD_compress2(context_.get(), scratch_.data(), scratch_.size(),
                               block.input.data(), block.input.size()));
    block.output.assign(scratch_.begin(), scratch_.begin() + static_cast<std::ptrdiff_t>(size));
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ::ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_{::ZSTD_createCCtx()};
  std::vector<std::uint8_t> scratch_;
};

std::function<void(Block&)> compressor(int level) {
  return [level, spares = std::make_shared<Spares<Context>>()](Block& block) {
    spares->with([level] { return std::make_unique<Context>(level); },
                 [&](Context& context) { context.compress(block); });
  };
}

int level_of(const ZstdWriter::Options& options) {
  const int level = options.level.value_or(ZstdWriter::usual_level);
  return level == 0 ? ZstdWriter::usual_level : level;
}

}  // namespace

struct ZstdWriter::State {
  BlockWriter frames;
};

ZstdWriter::ZstdWriter(ByteSink sink) : ZstdWriter(std::move(sink), Options{}) {}

ZstdWriter::ZstdWriter(ByteSink sink, const Options& options)
    : state_(new State{BlockWriter(std::move(sink), {frame_size(level_of(options)), 0},
                                   compressor(level_of(options)), options.pool)}) {}

ZstdWriter::~ZstdWriter() = default;

void ZstdWriter::write(std::span<const std::byte> bytes) {
  state_->frames.write(bytes);
}

void ZstdWriter::finish() {
  state_->frames.finish();
}

}  // namespace slipway
