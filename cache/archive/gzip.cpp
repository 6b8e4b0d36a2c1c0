#include <cache/archive/gzip.hpp>

#include <cache/archive/deflate.hpp>

#include <isa-l/crc.h>

#include <array>
#include <cstdint>
#include <utility>

namespace slipway {
namespace {

// Both are part of the bytes that come out, and so of every layer's digest.
constexpr std::size_t block_size = std::size_t{1} << 20;
constexpr std::size_t dictionary_size = std::size_t{32} << 10;

constexpr unsigned char header[] = {0x1f, 0x8b, 8,     // gzip, deflate (RFC 1952, 2.3)
                                    0,                 // no name, no comment
                                    0,    0,    0, 0,  // no time
                                    0,    255};        // no flags, "unknown" system

bool is_isal(int level) {
  return level == 1 || level == 2;
}

}  // namespace

struct GzipWriter::State {
  State(ByteSink given, int level, std::shared_ptr<BlockPool> pool)
      : sink(std::move(given)),
        blocks(sink, {block_size, is_isal(level) ? dictionary_size : 0},
               is_isal(level) ? isal_deflater(level) : libdeflate_deflater(level),
               std::move(pool)) {}

  ByteSink sink;
  BlockWriter blocks;
  std::uint32_t crc = 0;
  std::uint64_t length = 0;
  bool started = false;

  void start() {
    if (!std::exchange(started, true)) sink(std::as_bytes(std::span(header)));
  }
};

GzipWriter::GzipWriter(ByteSink sink) : GzipWriter(std::move(sink), Options{}) {}

GzipWriter::GzipWriter(ByteSink sink, const Options& options)
    : state_(std::make_unique<State>(std::move(sink), options.level.value_or(usual_level),
                                     options.pool)) {}

GzipWriter::~GzipWriter() = default;

void GzipWriter::write(std::span<const std::byte> bytes) {
  State& state = *state_;
  state.start();
  state.crc = ::crc32_gzip_refl(state.crc, reinterpret_cast<const unsigned char*>(bytes.data()),
                                bytes.size());
  state.length += bytes.size();
  state.blocks.write(bytes);
}

void GzipWriter::finish() {
  State& state = *state_;
  state.start();
  state.blocks.finish();
  std::array<std::uint8_t, 8> trailer;
  for (unsigned i = 0; i < 4; ++i) {
    trailer[i] = static_cast<std::uint8_t>(state.crc >> (8 * i));
    trailer[4 + i] = static_cast<std::uint8_t>(state.length >> (8 * i));
  }
  state.sink(std::as_bytes(std::span(trailer)));
}

}  // namespace slipway
