#include <cache/archive/gzip.hpp>
#include <cache/archive/zstd.hpp>
#include <cache/layers/decompress.hpp>
#include <ir/digest.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <libdeflate.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
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

// Compressed in writes of `step` bytes by so many threads; 0: as the writer likes.
template <class Writer>
std::string pack(std::string_view text, std::size_t step, std::optional<int> level = {},
                 unsigned threads = 0) {
  std::string packed;
  Writer writer(
      [&](std::span<const std::byte> bytes) {
        packed.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      },
      {.level = level, .pool = threads == 0 ? nullptr : std::make_shared<BlockPool>(threads)});
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

TEST_CASE(
    "what was gzipped inflates to what it was, at every level and every size around a block") {
  constexpr std::size_t block = 1 << 20;
  for (int level = 0; level <= GzipWriter::highest_level; ++level) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{40'000}, block - 1,
                                   block, block + 1, 2 * block + 12345}) {
      // The slowest of the same library say no more about sizes than the others.
      if (level > 9 && size > block + 1) continue;
      CAPTURE(level);
      CAPTURE(size);
      const std::string text = sample(size);
      const std::string packed = pack<GzipWriter>(text, 1 << 18, level);
      CHECK(unpack(packed) == text);
      // RFC 1952: the length, modulo 2^32, ends the member.
      std::uint32_t length = 0;
      std::memcpy(&length, packed.data() + packed.size() - 4, 4);
      CHECK(length == size);
    }
  }
}

TEST_CASE("a gzipped stream is one member, which libraries that read no second one take whole") {
  const std::string text = sample(3'500'000);
  for (const int level : {0, 1, 2, 3, 6, 9}) {
    CAPTURE(level);
    const std::string packed = pack<GzipWriter>(text, 1 << 20, level);
    std::string plain(text.size() + 1, '\0');
    libdeflate_decompressor* const reader = ::libdeflate_alloc_decompressor();
    std::size_t taken = 0;
    std::size_t given = 0;
    CHECK(::libdeflate_gzip_decompress_ex(reader, packed.data(), packed.size(), plain.data(),
                                          plain.size(), &taken, &given) == LIBDEFLATE_SUCCESS);
    ::libdeflate_free_decompressor(reader);
    CHECK(taken == packed.size());
    CHECK(given == text.size());
  }
}

TEST_CASE("threads and the sizes of writes do not show in gzip's bytes") {
  // Golden: a layer's digest must be the same on every machine and for every version of slipway.
  const std::map<int, std::string> golden = {
      {0, "b027d9a880216d5bedf06992ecca62c548849dc4008a698677b28f7e00b71506"},
      {1, "f3f898fff3634aed9615f607bf3ffa9dff09bc56f48cc0ccd535a634cd430ff9"},
      {2, "b625c95caf71aa3b939929159a9d2e8986e779c34d96f69ce5bdc107b6685ff4"},
      {3, "62c2063cd0c356c6628d537f38c15a0542f1c63130a8227bb3e9db3f633cd8dd"},
      {4, "c8bcf56439640bf330c405867c3380294225d53af8ce8263b175f685490b3e49"},
      {5, "dac56a6f8c12308893dcef7bdcc09d364259dcf7adc9c8a994fe97ea8c0105ff"},
      {6, "d8cad6fb979a080161d27110505e3ecd55b4a820332932373d805ac74e8566c4"},
      {7, "94dcc864cad0bae47cf2c5ef3fca148ea4a6b57b5079b6cc8e1e3ab086c6b91d"},
      {8, "2256d4944b86663febf29571ee3895ee5e2f08a0cb47c1c7148fb6783c30576d"},
      {9, "d932ad9cdce6f9d05bea9f91ee1491d46a945635c10e1d3dbbb24a400dcef725"},
      {10, "64ed30952bb89331f06abf0906b70ec90d826148cac9ded2dc0c0f2c3eac43a9"},
      {11, "daa0e498c5472f0f77c08f32fffd1110dc826e8812825235e906b7a52e349ce7"},
      {12, "ef002fa8fc19cdcd2ea7ad789c6df29594519db5f43016797502db48e8b2272d"}};
  const std::string text = sample(7'000'000);
  for (const auto& [level, digest] : golden) {
    CAPTURE(level);
    // The slow levels by fewer blocks; they are cut in the same place.
    const std::string_view part =
        std::string_view(text).substr(0, level > 6 ? 2'100'000 : text.size());
    const std::string one = pack<GzipWriter>(part, 1 << 20, level, 1);
    CHECK(sha256(one).hex() == digest);
    CHECK(pack<GzipWriter>(part, 1 << 20, level, 2) == one);
    if (level < 7) CHECK(pack<GzipWriter>(part, 12'345, level, 7) == one);
  }
  CHECK(pack<GzipWriter>(text, 54'321) == pack<GzipWriter>(text, 1 << 20, 2));
}

TEST_CASE("a higher level gives fewer bytes") {
  const std::string text = sample(2'000'000);
  std::size_t before = text.size() + 1000;
  // Of libdeflate's, 5 to 9 differ by what they try, and that need not help here.
  for (const int level : {0, 1, 2, 3, 9, 10}) {
    CAPTURE(level);
    const std::size_t size = pack<GzipWriter>(text, 1 << 20, level).size();
    CHECK(size < before);
    before = size;
  }
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

TEST_CASE("a writer that is given up while others use the same threads leaves them to it") {
  const std::string text = sample(6'000'000);
  const auto pool = std::make_shared<BlockPool>(2);
  const std::string expected = pack<GzipWriter>(text, 1 << 20);
  for (int i = 0; i < 3; ++i) {
    GzipWriter given_up([](std::span<const std::byte>) {}, {.level = 6, .pool = pool});
    given_up.write(std::as_bytes(std::span(text)));
  }
  std::string packed;
  GzipWriter writer(
      [&](std::span<const std::byte> bytes) {
        packed.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      },
      {.level = {}, .pool = pool});
  writer.write(std::as_bytes(std::span(text)));
  writer.finish();
  CHECK(packed == expected);
}

TEST_CASE("threads and the sizes of writes do not show in zstd's bytes, which expand again") {
  const std::map<int, std::string> golden = {
      {1, "73d52c817bba057e637e934cee69c4926195d07106454045e93f34b024b7e854"},
      {3, "2d28e0830d92a6576a54a3a0bb7403ca34e15b577347059aafb22dc8d6c49508"},
      {9, "390369e0460e24c44a208c28e93ded85dbc9a286baadace0b64514e125bf7251"},
      {19, "856a6382cbe87d99bc3051d0a23a26ba2bd596a079dcb0c708eca887ad2472fd"}};
  // More than a frame of 8 MiB, so that there is something to do side by side.
  const std::string text = sample(19'000'000);
  for (const auto& [level, digest] : golden) {
    CAPTURE(level);
    const std::string_view part =
        std::string_view(text).substr(0, level > 9 ? 1'000'000 : text.size());
    const std::string one = pack<ZstdWriter>(part, 1 << 20, level, 1);
    CHECK(sha256(one).hex() == digest);
    CHECK(unpack(one) == part);
    CHECK(pack<ZstdWriter>(part, 1 << 20, level, 2) == one);
    if (level < 9) CHECK(pack<ZstdWriter>(part, 12'345, level, 7) == one);
  }
  CHECK(pack<ZstdWriter>(text, 1 << 20) == pack<ZstdWriter>(text, 1 << 20, 3));
  CHECK(pack<ZstdWriter>(text, 1 << 20, 0) == pack<ZstdWriter>(text, 1 << 20, 3));
  CHECK(unpack(pack<ZstdWriter>("", 1)) == "");
}
