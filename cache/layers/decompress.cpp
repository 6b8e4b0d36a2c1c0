#include <cache/layers/archive_locale.hpp>
#include <cache/layers/decompress.hpp>
#include <ir/error.hpp>

#include <archive.h>
#include <archive_entry.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr std::size_t input_size = std::size_t{128} << 10;
constexpr std::uint64_t free_expansion = std::uint64_t{64} << 20;

// The source's bytes in a buffer, so that its beginning can be looked at.
class Input {
 public:
  explicit Input(ByteSource& source) : source_(source), buffer_(input_size) {}

  // What lies ready, at least one byte unless the source is at its end.
  std::span<const std::byte> ready() {
    if (from_ == to_) {
      from_ = 0;
      to_ = source_.read(buffer_);
      taken_ += to_;
    }
    return std::span(buffer_).subspan(from_, to_ - from_);
  }
  void consume(std::size_t size) { from_ += size; }
  // The first bytes, fewer only if there are no more.
  std::string_view peek(std::size_t size) {
    if (from_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + from_, to_ - from_);
      to_ -= std::exchange(from_, 0);
    }
    while (to_ - from_ < size && to_ < buffer_.size()) {
      const std::size_t got = source_.read(std::span(buffer_).subspan(to_));
      if (got == 0) break;
      to_ += got;
      taken_ += got;
    }
    return {reinterpret_cast<const char*>(buffer_.data() + from_), std::min(size, to_ - from_)};
  }
  std::uint64_t taken() const { return taken_; }

 private:
  ByteSource& source_;
  std::vector<std::byte> buffer_;
  std::size_t from_ = 0;
  std::size_t to_ = 0;
  std::uint64_t taken_ = 0;  // from the source, in all
};

[[noreturn]] void damaged(std::string_view format, std::string_view reason) {
  throw Error("the " + std::string(format) + " data is damaged: " + std::string(reason));
}

// What all of them share: the input and the limit on what becomes of it.
class Decompressed : public ByteSource {
 public:
  explicit Decompressed(Input input) : input_(std::move(input)) {}

  std::size_t read(std::span<std::byte> buffer) final {
    if (buffer.empty()) return 0;
    const std::size_t got = produce(buffer);
    given_ += got;
    if (given_ > free_expansion && given_ / most_expansion > input_.taken()) {
      throw Error("compressed data expands more than " + std::to_string(most_expansion) + " times")
          .hint("no honest archive does; it is refused before it fills the disk");
    }
    return got;
  }

 protected:
  // As ByteSource::read; `buffer` is not empty.
  virtual std::size_t produce(std::span<std::byte> buffer) = 0;
  Input input_;

 private:
  std::uint64_t given_ = 0;
};

class Plain : public Decompressed {
 public:
  using Decompressed::Decompressed;

 private:
  std::size_t produce(std::span<std::byte> buffer) override {
    const std::span<const std::byte> ready = input_.ready();
    const std::size_t size = std::min(ready.size(), buffer.size());
    if (size > 0) std::memcpy(buffer.data(), ready.data(), size);
    input_.consume(size);
    return size;
  }
};

// ISA-L: twice as fast as zlib (executor-limits: 515 to 240 MB per CPU second).
class Gzip : public Decompressed {
 public:
  explicit Gzip(Input input) : Decompressed(std::move(input)) { begin_member(); }

 private:
  void begin_member() {
    ::isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;  // reads the header, checks the trailer
    state_->avail_in = 0;
    inside_ = true;
  }

  std::size_t produce(std::span<std::byte> buffer) override {
    for (;;) {
      if (!inside_ && !next_member()) return 0;
      const std::span<const std::byte> ready = input_.ready();
      inflate_state& state = *state_;
      // Its input is never written to.
      state.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(ready.data()));
      state.avail_in = static_cast<std::uint32_t>(ready.size());
      state.next_out = reinterpret_cast<std::uint8_t*>(buffer.data());
      state.avail_out = static_cast<std::uint32_t>(std::min(buffer.size(), std::size_t{1} << 30));
      const std::uint32_t room = state.avail_out;
      const int result = ::isal_inflate(&state);
      if (result < 0)
        damaged("gzip", result == ISAL_INCORRECT_CHECKSUM ? "wrong checksum" : "no valid stream");
      input_.consume(ready.size() - state.avail_in);
      const std::size_t got = room - state.avail_out;
      if (state.block_state == ISAL_BLOCK_FINISH) inside_ = false;
      if (got > 0) return got;
      if (inside_ && ready.empty()) damaged("gzip", "it ends too early");
    }
  }

  // Members follow each other without a gap. Zeros behind the last are a block device's or a
  // tape's padding.
  bool next_member() {
    if (input_.peek(2) == "\x1f\x8b") {
      begin_member();
      return true;
    }
    for (std::span<const std::byte> rest = input_.ready(); !rest.empty(); rest = input_.ready()) {
      if (std::any_of(rest.begin(), rest.end(), [](std::byte b) { return b != std::byte{0}; })) {
        damaged("gzip", "other bytes follow its end");
      }
      input_.consume(rest.size());
    }
    return false;
  }

  std::unique_ptr<inflate_state> state_ = std::make_unique<inflate_state>();
  bool inside_ = false;  // a member
};

class Zstd : public Decompressed {
 public:
  explicit Zstd(Input input) : Decompressed(std::move(input)), stream_(::ZSTD_createDStream()) {
    if (!stream_) throw std::bad_alloc();
  }

 private:
  std::size_t produce(std::span<std::byte> buffer) override {
    for (;;) {
      const std::span<const std::byte> ready = input_.ready();
      ZSTD_inBuffer in{ready.data(), ready.size(), 0};
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      if (ready.empty() && at_frame_end_) return 0;
      const std::size_t result = ::ZSTD_decompressStream(stream_.get(), &out, &in);
      if (::ZSTD_isError(result) != 0) damaged("zstd", ::ZSTD_getErrorName(result));
      input_.consume(in.pos);
      at_frame_end_ = result == 0;
      if (out.pos > 0) return out.pos;
      if (ready.empty() && !at_frame_end_) damaged("zstd", "it ends too early");
    }
  }

  struct Free {
    void operator()(ZSTD_DStream* stream) const { ::ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool at_frame_end_ = false;
};

// bzip2 and xz: rare, only in ADD, so libarchive's filters are good enough.
class ArchiveFilter : public Decompressed {
 public:
  ArchiveFilter(Input input, std::string_view format)
      : Decompressed(std::move(input)), format_(format), reader_(::archive_read_new()) {
    const BytesLocale locale;
    archive* reader = reader_.get();
    if (reader == nullptr) throw std::bad_alloc();
    ::archive_read_support_format_raw(reader);
    ::archive_read_support_filter_bzip2(reader);
    ::archive_read_support_filter_xz(reader);
    check(::archive_read_open(reader, this, nullptr, on_read, nullptr));
    archive_entry* entry = nullptr;
    const int result = ::archive_read_next_header(reader, &entry);
    at_end_ = result == ARCHIVE_EOF;
    if (!at_end_) check(result);
  }

 private:
  std::size_t produce(std::span<std::byte> buffer) override {
    if (at_end_) return 0;
    const la_ssize_t got = ::archive_read_data(reader_.get(), buffer.data(), buffer.size());
    if (got < 0) check(ARCHIVE_FATAL);
    return static_cast<std::size_t>(got);
  }

  void check(int result) {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if (result == ARCHIVE_OK || result == ARCHIVE_WARN) return;
    const char* reason = ::archive_error_string(reader_.get());
    damaged(format_, reason != nullptr ? reason : "unknown reason");
  }

  static la_ssize_t on_read(archive*, void* self, const void** bytes) {
    ArchiveFilter& filter = *static_cast<ArchiveFilter*>(self);
    try {
      filter.input_.consume(std::exchange(filter.lent_, 0));
      const std::span<const std::byte> ready = filter.input_.ready();
      filter.lent_ = ready.size();
      *bytes = ready.data();
      return static_cast<la_ssize_t>(ready.size());
    } catch (...) {
      filter.failure_ = std::current_exception();
      return -1;
    }
  }

  struct Free {
    void operator()(archive* reader) const { ::archive_read_free(reader); }
  };
  std::string format_;
  std::unique_ptr<archive, Free> reader_;
  std::exception_ptr failure_;  // of the source: must not fly through C code
  std::size_t lent_ = 0;        // bytes of the input that libarchive is reading
  bool at_end_ = false;
};

// zstd's frames may follow others that hold anything: RFC 8878, section 3.1.2.
bool is_skippable_frame(std::string_view start) {
  return start.size() == 8 && (static_cast<unsigned char>(start[0]) & 0xF0) == 0x50 &&
         start.substr(1).starts_with("\x2a\x4d\x18");
}

}  // namespace

std::unique_ptr<ByteSource> open_decompressed(ByteSource& source) {
  Input input(source);
  const std::string_view start = input.peek(8);
  if (start.starts_with("\x1f\x8b\x08")) return std::make_unique<Gzip>(std::move(input));
  if (start.starts_with("\x28\xb5\x2f\xfd") || is_skippable_frame(start)) {
    return std::make_unique<Zstd>(std::move(input));
  }
  if (start.starts_with("BZh")) {
    return std::make_unique<ArchiveFilter>(std::move(input), "bzip2");
  }
  if (start.starts_with(std::string_view("\xfd"
                                         "7zXZ\0",
                                         6))) {
    return std::make_unique<ArchiveFilter>(std::move(input), "xz");
  }
  return std::make_unique<Plain>(std::move(input));
}

}  // namespace slipway
