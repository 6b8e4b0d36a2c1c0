#include <cache/archive/zstd.hpp>

#include <ir/error.hpp>

#include <zstd.h>

#include <new>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// Without workers: Debian's static library has none, and their bytes are others (zstd 1.5.4).
constexpr int level = 3;

std::size_t check(std::size_t result) {
  if (ZSTD_isError(result) != 0) {
    throw Error("zstd failed: " + std::string(ZSTD_getErrorName(result)));
  }
  return result;
}

}  // namespace

struct ZstdWriter::State {
  ByteSink sink;
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context{ZSTD_createCCtx(), ZSTD_freeCCtx};
  std::vector<std::byte> output = std::vector<std::byte>(ZSTD_CStreamOutSize());

  void run(std::span<const std::byte> bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{output.data(), output.size(), 0};
      const std::size_t left = check(ZSTD_compressStream2(context.get(), &out, &in, directive));
      if (out.pos > 0) sink(std::span(output).first(out.pos));
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
    }
  }
};

ZstdWriter::ZstdWriter(ByteSink sink) : state_(std::make_unique<State>()) {
  state_->sink = std::move(sink);
  if (!state_->context) throw std::bad_alloc();
  check(ZSTD_CCtx_setParameter(state_->context.get(), ZSTD_c_compressionLevel, level));
  check(ZSTD_CCtx_setParameter(state_->context.get(), ZSTD_c_checksumFlag, 1));
}

ZstdWriter::~ZstdWriter() = default;

void ZstdWriter::write(std::span<const std::byte> bytes) { state_->run(bytes, ZSTD_e_continue); }

void ZstdWriter::finish() { state_->run({}, ZSTD_e_end); }

}  // namespace slipway
