#include <cache/shared/action_result.hpp>

#include <cstdint>

namespace slipway {
namespace {

// Protocol buffers' encoding: a field is a varint of number and wire type, and then its value.
enum WireType : std::uint64_t { varint = 0, eight_bytes = 1, length = 2, four_bytes = 5 };

namespace field {
constexpr std::uint64_t output_files = 2, stdout_raw = 5, stdout_digest = 6;
constexpr std::uint64_t path = 1, file_digest = 2;
constexpr std::uint64_t hash = 1, size_bytes = 2;
}  // namespace field

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_bytes(std::string& out, std::uint64_t number, std::string_view bytes) {
  put_varint(out, number << 3 | WireType::length);
  put_varint(out, bytes.size());
  out += bytes;
}

std::string digest_message(const SharedBlob& blob) {
  std::string message;
  put_bytes(message, field::hash, blob.digest.hex());
  if (blob.size == 0) return message;  // proto3 leaves out what is zero
  put_varint(message, field::size_bytes << 3 | WireType::varint);
  put_varint(message, blob.size);
  return message;
}

// The fields of one message, in order. Every step forward is checked against the end.
class Fields {
 public:
  explicit Fields(std::string_view message) : rest_(message) {}

  // False at the end of the message, and where it is none.
  bool next() {
    if (rest_.empty()) return false;
    std::uint64_t tag = 0;
    if (!take_varint(tag)) return false;
    number = tag >> 3;
    type = tag & 7;
    if (number == 0 || number >> 29 != 0) return fail();
    switch (type) {
      case WireType::varint:
        return take_varint(value);
      case WireType::length:
        return take_varint(value) && take(value);
      case WireType::eight_bytes:
        return take(8);
      case WireType::four_bytes:
        return take(4);
      default:  // groups, which proto3 does not have
        return fail();
    }
  }
  bool well_formed() const { return well_formed_; }

  std::uint64_t number = 0;
  std::uint64_t type = 0;
  std::uint64_t value = 0;  // of a varint
  std::string_view bytes;   // of a field with a length

 private:
  bool fail() {
    well_formed_ = false;
    return false;
  }
  bool take(std::uint64_t count) {
    if (count > rest_.size()) return fail();
    bytes = rest_.substr(0, static_cast<std::size_t>(count));
    rest_.remove_prefix(static_cast<std::size_t>(count));
    return true;
  }
  bool take_varint(std::uint64_t& result) {
    result = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return fail();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && byte > 1) return fail();  // more than 64 bits
      result |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return fail();
  }

  std::string_view rest_;
  bool well_formed_ = true;
};

std::optional<SharedBlob> read_digest(std::string_view message) {
  SharedBlob blob;
  bool named = false;
  Fields fields(message);
  while (fields.next()) {
    if (fields.number == field::hash && fields.type == WireType::length) {
      const std::optional<Digest> digest = Digest::parse_hex(fields.bytes);
      if (!digest) return std::nullopt;
      blob.digest = *digest;
      named = true;
    } else if (fields.number == field::size_bytes && fields.type == WireType::varint) {
      blob.size = fields.value;
    }
  }
  if (!fields.well_formed() || !named) return std::nullopt;
  return blob;
}

}  // namespace

std::string write_action_result(const RecordPlace& record, const std::vector<SharedBlob>& blobs) {
  std::string message;
  for (const SharedBlob& blob : blobs) {
    std::string file;
    put_bytes(file, field::path, blob.digest.hex());
    put_bytes(file, field::file_digest, digest_message(blob));
    put_bytes(message, field::output_files, file);
  }
  if (const auto* bytes = std::get_if<std::string>(&record)) {
    put_bytes(message, field::stdout_raw, *bytes);
  } else {
    put_bytes(message, field::stdout_digest, digest_message(std::get<SharedBlob>(record)));
  }
  return message;
}

std::optional<RecordPlace> read_action_result(std::string_view message) {
  std::string_view raw;
  std::optional<SharedBlob> blob;
  Fields fields(message);
  while (fields.next()) {
    if (fields.type != WireType::length) continue;
    if (fields.number == field::stdout_raw) raw = fields.bytes;
    if (fields.number != field::stdout_digest) continue;
    blob = read_digest(fields.bytes);
    if (!blob) return std::nullopt;
  }
  if (!fields.well_formed()) return std::nullopt;
  if (blob && raw.empty()) return *blob;
  return std::string(raw);
}

}  // namespace slipway
