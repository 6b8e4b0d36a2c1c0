// FastCDC (Xia and others, USENIX ATC 2016): a gear hash, no look at what a chunk must have at
// least, and two masks around the wanted size, which bring most chunks near to it.
#include <cache/mounts/chunker.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace slipway {
namespace {

// Any 256 random numbers will do, as long as they stay. These are splitmix64's from zero.
constexpr std::array<std::uint64_t, 256> make_gear() {
  std::array<std::uint64_t, 256> gear{};
  std::uint64_t state = 0;
  for (std::uint64_t& value : gear) {
    state += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111eb;
    value = mixed ^ (mixed >> 31U);
  }
  return gear;
}
constexpr std::array<std::uint64_t, 256> gear = make_gear();

// The topmost bits of the hash: those that the most bytes, 64 less the bits, have a say in. Four
// times rarer than on average before the wanted size, four times as frequent behind it (the paper's
// normalisation at level 2).
constexpr unsigned wanted_bits = 15;  // log2(average_chunk)
static_assert(average_chunk == std::size_t{1} << wanted_bits);
constexpr unsigned hard = 64 - (wanted_bits + 2);
constexpr unsigned easy = 64 - (wanted_bits - 2);

}  // namespace

std::size_t chunk_length(std::span<const std::byte> bytes) {
  const std::size_t end = std::min(bytes.size(), largest_chunk);
  const std::size_t normal = std::min(end, average_chunk);
  std::uint64_t hash = 0;
  std::size_t at = std::min(end, smallest_chunk);
  for (; at < normal; ++at) {
    hash = (hash << 1U) + gear[std::to_integer<std::size_t>(bytes[at])];
    if (hash >> hard == 0) return at + 1;
  }
  for (; at < end; ++at) {
    hash = (hash << 1U) + gear[std::to_integer<std::size_t>(bytes[at])];
    if (hash >> easy == 0) return at + 1;
  }
  return end;
}

}  // namespace slipway
