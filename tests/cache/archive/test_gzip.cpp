#include <cache/archive/gzip.hpp>
#include <cache/archive/zstd.hpp>
#include <cache/layers/decompress.hpp>
#include <ir/digest.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

using namespace slipway;

namespace {

// The same bytes on every machine, neither random nor dull: words in a changing order.
std::string sample(std::size_t size) {
  std::string text;
  std::uint32_t state = 1;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text += "word" + std::to_string(state >> 22) + (state % 7 == 0 ? "\n" : " ");
  }
  text.resize(size);
  return text;
}

template <class Writer, class... Threads>
std::string pack(std::string_view text, std::size_t step, Threads... threads) {
  std::string packed;
  Writer writer(
      [&](std::span<const std::byte> bytes) {
        packed.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      },
      threads...);
  for (std::size_t at = 0; at < text.size(); at += step) {
    writer.write(std::as_bytes(std::span(text.substr(at, step))));
  }
  writer.finish();
  return packed;
}

class Text : public ByteSource {
 public:
  explicit Text(std::string_view text) : text_(text) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), text_.size());
    std::memcpy(buffer.data(), text_.data(), count);
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
};

std::string unpack(std::string_view packed) {
  Text source(packed);
  const auto plain = open_decompressed(source);
  std::string text;
  std::byte buffer[65536];
  while (const std::size_t got = plain->read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer), got);
  }
  return text;
}

}  // namespace

TEST_CASE("what was gzipped inflates to what it was, at every size around a block") {
  constexpr std::size_t block = 1 << 20;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{40'000}, block - 1,
                                 block, block + 1, 3 * block, 5 * block + 12345}) {
    CAPTURE(size);
    const std::string text = sample(size);
    const std::string packed = pack<GzipWriter>(text, 1 << 18);
    CHECK(unpack(packed) == text);
    // RFC 1952: the length, modulo 2^32, ends the member.
    std::uint32_t length = 0;
    std::memcpy(&length, packed.data() + packed.size() - 4, 4);
    CHECK(length == size);
  }
}

TEST_CASE("threads and the sizes of writes do not show in gzip's bytes") {
  const std::string text = sample(7'000'000);
  const std::string one = pack<GzipWriter>(text, 1 << 20, 1U);
  CHECK(pack<GzipWriter>(text, 1 << 20, 2U) == one);
  CHECK(pack<GzipWriter>(text, 12'345, 4U) == one);
  // Golden: a layer's digest must be the same on every machine and for every version of slipway.
  CHECK(sha256(one).text() ==
        "sha256:b625c95caf71aa3b939929159a9d2e8986e779c34d96f69ce5bdc107b6685ff4");
}

TEST_CASE("bytes without any pattern still fit") {
  std::string noise(3'000'000, '\0');
  std::uint64_t state = 88172645463325252ULL;
  for (char& c : noise) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state);
  }
  CHECK(unpack(pack<GzipWriter>(noise, 1 << 20)) == noise);
}

TEST_CASE("a sink that fails ends the compression with its error") {
  const std::string text = sample(9'000'000);
  GzipWriter writer([](std::span<const std::byte> bytes) {
    if (bytes.size() > 10) throw Error("the disk is full");
  });
  CHECK_THROWS_WITH_AS(
      {
        writer.write(std::as_bytes(std::span(text)));
        writer.finish();
      },
      "the disk is full", Error);
}

TEST_CASE("zstd gives the same bytes each time, and they expand to what went in") {
  const std::string text = sample(7'000'000);
  const std::string packed = pack<ZstdWriter>(text, 1 << 20);
  CHECK(unpack(packed) == text);
  CHECK(pack<ZstdWriter>(text, 12'345) == packed);
}
