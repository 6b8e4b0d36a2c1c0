#include <cache/archive/deflate.hpp>

#include <ir/error.hpp>

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <zlib.h>

#include <memory>
#include <new>
#include <string>

namespace slipway {
namespace {

// ISA-L's own structures are 300 KiB.
struct IsalScratch {
  isal_zstream stream;
  std::vector<std::uint8_t> buffer = std::vector<std::uint8_t>(ISAL_DEF_LVL2_DEFAULT);

  void compress(Block& block, int level) {
    ::isal_deflate_init(&stream);
    stream.level = static_cast<std::uint32_t>(level);
    stream.level_buf = buffer.data();
    stream.level_buf_size = static_cast<std::uint32_t>(buffer.size());
    stream.gzip_flag = IGZIP_DEFLATE;
    stream.flush = block.last ? NO_FLUSH : SYNC_FLUSH;
    stream.end_of_stream = block.last;
    if (block.dictionary > 0) {
      check(::isal_deflate_set_dict(&stream, block.input.data(),
                                    static_cast<std::uint32_t>(block.dictionary)));
    }
    stream.next_in = block.input.data() + block.dictionary;
    stream.avail_in = static_cast<std::uint32_t>(block.input.size() - block.dictionary);
    // Twice what deflate's stored blocks need (five bytes for 65,535) and more; less is an error.
    block.output.resize(block.input.size() + block.input.size() / 16 + 4096);
    stream.next_out = block.output.data();
    stream.avail_out = static_cast<std::uint32_t>(block.output.size());
    check(::isal_deflate(&stream));
    if (stream.avail_in != 0 || stream.avail_out == 0) check(STATELESS_OVERFLOW);
    block.output.resize(block.output.size() - stream.avail_out);
  }

  static void check(int status) {
    if (status == COMP_OK) return;
    throw Error("gzip failed with ISA-L's status " + std::to_string(status));
  }
};

struct LibdeflateScratch {
  explicit LibdeflateScratch(int level) : compressor(::libdeflate_alloc_compressor(level)) {
    if (!compressor) throw std::bad_alloc();
  }

  void compress(Block& block) {
    const std::span<const std::uint8_t> own = block.own();
    constexpr std::size_t empty_block = 5;  // see open_end()
    block.output.resize(::libdeflate_deflate_compress_bound(compressor.get(), own.size()) +
                        empty_block);
    const std::size_t size = ::libdeflate_deflate_compress(
        compressor.get(), own.data(), own.size(), block.output.data(), block.output.size());
    if (size == 0) throw Error("gzip failed: libdeflate's output is larger than it says");
    block.output.resize(size);
    if (!block.last) open_end(block);
  }

  // libdeflate only makes whole streams. Here the stream is to go on: the mark of the last block
  // goes, and a stored block of no bytes, as a "sync flush" is, leads to a byte boundary. Where
  // that mark is, and where the stream ends, only decoding tells; zlib is the library that stops
  // there.
  void open_end(Block& block) {
    z_stream stream{};
    if (::inflateInit2(&stream, -15) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, decltype(&::inflateEnd)> end_of_scope(&stream, ::inflateEnd);
    plain.resize(block.own().size() + 1);
    stream.next_in = block.output.data();
    stream.avail_in = static_cast<uInt>(block.output.size());
    stream.next_out = plain.data();
    stream.avail_out = static_cast<uInt>(plain.size());
    constexpr int after_a_block = 128;  // in data_type, as the next
    constexpr int in_the_last = 64;
    std::size_t begins = 0;  // of the deflate block, bits
    for (;;) {
      if (::inflate(&stream, Z_BLOCK) != Z_OK) throw Error("gzip failed: no valid stream was made");
      if ((stream.data_type & after_a_block) == 0) continue;
      const std::size_t at =
          std::size_t{stream.total_in} * 8 - static_cast<std::size_t>(stream.data_type & 7);
      if ((stream.data_type & in_the_last) == 0) {
        begins = at;
        continue;
      }
      if (stream.total_out != block.own().size()) {
        throw Error("gzip failed: a block came out with another length");
      }
      block.output[begins / 8] &= static_cast<std::uint8_t>(~(1U << (begins % 8)));
      block.output.resize((at + 3 + 7) / 8);  // the bits behind the end are zero already
      block.output.insert(block.output.end(), {0, 0, 0xff, 0xff});
      return;
    }
  }

  struct Free {
    void operator()(libdeflate_compressor* given) const { ::libdeflate_free_compressor(given); }
  };
  std::unique_ptr<libdeflate_compressor, Free> compressor;
  std::vector<std::uint8_t> plain;
};

}  // namespace

std::function<void(Block&)> isal_deflater(int level) {
  return [level, spares = std::make_shared<Spares<IsalScratch>>()](Block& block) {
    spares->with([] { return std::make_unique<IsalScratch>(); },
                 [&](IsalScratch& scratch) { scratch.compress(block, level); });
  };
}

std::function<void(Block&)> libdeflate_deflater(int level) {
  return [level, spares = std::make_shared<Spares<LibdeflateScratch>>()](Block& block) {
    spares->with([level] { return std::make_unique<LibdeflateScratch>(level); },
                 [&](LibdeflateScratch& scratch) { scratch.compress(block); });
  };
}

}  // namespace slipway
