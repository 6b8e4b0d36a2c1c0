// Compressed streams: the bytes as they are, or an honest stream that the input damages. The first
// byte says which: 0 as it is; 1 and 2 the rest packed by our gzip or zstd; 3 and 4 the same, cut or
// with one byte changed by the next two bytes.
#include "target.hpp"

#include <cache/archive/zstd.hpp>
#include <cache/layers/decompress.hpp>

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace slipway::fuzz {
namespace {

class Bytes : public ByteSource {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}
  // A few at a time, as a network gives them.
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t size = std::min({rest_.size(), buffer.size(), std::size_t{301}});
    std::memcpy(buffer.data(), rest_.data(), size);
    rest_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view rest_;
};

std::string gzipped(std::string_view plain) {
  z_stream stream{};
  require(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK,
          "zlib can be used");
  std::string packed(deflateBound(&stream, plain.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  require(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib can pack");
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(std::string_view plain) {
  std::string packed;
  ZstdWriter writer([&](std::span<const std::byte> bytes) {
    packed.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  writer.write(std::as_bytes(std::span(plain)));
  writer.finish();
  return packed;
}

// Empty: it was refused.
std::optional<std::string> unpacked(std::string_view packed) {
  constexpr std::size_t most = (std::size_t{64} << 20) + (std::size_t{8} << 20);
  Bytes bytes(packed);
  std::string plain;
  std::size_t size = 0;
  try {
    const auto source = open_decompressed(bytes);
    std::vector<std::byte> buffer(std::size_t{64} << 10);
    while (const std::size_t got = source->read(buffer)) {
      size += got;
      require(size <= most + packed.size() * most_expansion, "no stream is a bomb");
      if (plain.size() < 8192)
        plain.append(reinterpret_cast<const char*>(buffer.data()), got);
    }
  } catch (const Error& error) {
    require(!std::string_view(error.what()).empty(), "a mistake has a message");
    return std::nullopt;
  }
  return plain;
}

}  // namespace

void try_input(std::string_view input) {
  if (input.size() < 4) return;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(input[at]); };
  const unsigned way = byte(0) % 5;
  if (way == 0) {
    unpacked(input.substr(1));
    return;
  }
  const std::string_view plain = input.substr(4);
  std::string packed = way % 2 == 1 ? gzipped(plain) : zstd(plain);
  if (way <= 2) {
    const auto whole = unpacked(packed);
    require(whole && *whole == plain, "an honest stream gives what went in");
    return;
  }
  const std::size_t place = (byte(1) * 256u + byte(2)) % packed.size();
  if (byte(3) == 0) {
    packed.resize(place);
    const auto cut = unpacked(packed);
    // Before the magic number is whole it is no compressed stream.
    require(!cut || place < 4, "a stream that was cut is refused");
    return;
  }
  packed[place] = static_cast<char>(packed[place] ^ byte(3));
  const auto damaged = unpacked(packed);
  // Magic numbers and gzip's name for the system aside, checksums cover every byte.
  require(!damaged || place < 10 || *damaged == plain, "a damaged stream does not pass for another");
}

}  // namespace slipway::fuzz
