// Where a generator's decisions come from: a seed, or the bytes that a fuzzer makes up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slipway::fuzz {

class Choices {
 public:
  // Endless and the same on every machine.
  explicit Choices(std::uint64_t seed) : state_(seed) {}
  // One byte a decision; where they end, every decision is the first of its alternatives. So a
  // change of one byte changes one decision, and fewer bytes give a smaller result.
  explicit Choices(std::string_view bytes) : bytes_(bytes), seeded_(false) {}

  // A number below `count`, which is at most 256.
  std::size_t below(std::size_t count) {
    if (seeded_) return static_cast<std::size_t>(next() >> 32) % count;
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte % count;
  }

  // True once in `count` times; false where the bytes have ended.
  bool once_in(std::size_t count) { return below(count) == count - 1; }

  template <class List>
  const auto& one_of(const List& list) {
    return list[below(std::size(list))];
  }

 private:
  // splitmix64, which is a few lines and needs no table.
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::string_view bytes_;
  std::uint64_t state_ = 0;
  bool seeded_ = true;
};

}  // namespace slipway::fuzz
