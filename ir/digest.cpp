#include <ir/digest.hpp>

// The same code (SHA-NI and all) as behind EVP, without EVP's providers: setting those up costs 5
// million instructions at the first hash of every start. OpenSSL 3 calls these functions deprecated
// and still has them.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <cstring>
#include <utility>

namespace slipway {
namespace {

constexpr std::string_view prefix = "sha256:";

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string Digest::hex() const {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(64);
  for (const std::uint8_t byte : bytes) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

std::string Digest::text() const {
  return std::string(prefix) + hex();
}

std::optional<Digest> Digest::parse(std::string_view text) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return parse_hex(text.substr(prefix.size()));
}

std::optional<Digest> Digest::parse_hex(std::string_view hex) {
  if (hex.size() != 64) return std::nullopt;
  Digest digest;
  for (std::size_t i = 0; i < 32; ++i) {
    const int high = nibble(hex[2 * i]);
    const int low = nibble(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

struct Hasher::Context {
  SHA256_CTX sha;

  Context() { SHA256_Init(&sha); }
};

Hasher::Hasher() : context_(std::make_unique<Context>()) {}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::span<const std::byte> bytes) {
  SHA256_Update(&context_->sha, bytes.data(), bytes.size());
}

void Hasher::update(std::string_view bytes) {
  SHA256_Update(&context_->sha, bytes.data(), bytes.size());
}

Digest Hasher::finish() {
  Digest digest;
  SHA256_Final(digest.bytes.data(), &context_->sha);
  SHA256_Init(&context_->sha);
  return digest;
}

Digest sha256(std::string_view bytes) {
  Hasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  constexpr std::size_t block = 64;
  std::string padded(key);
  if (padded.size() > block) {
    const Digest digest = sha256(key);
    padded.assign(digest.bytes.begin(), digest.bytes.end());
  }
  padded.resize(block, '\0');
  const auto masked = [&](int mask) {
    std::string text = padded;
    for (char& c : text) c = static_cast<char>(c ^ mask);
    return text;
  };
  Hasher hasher;
  hasher.update(masked(0x36));
  hasher.update(bytes);
  const Digest inner = hasher.finish();
  hasher.update(masked(0x5c));
  hasher.update(std::as_bytes(std::span(inner.bytes)));
  return hasher.finish();
}

ChainId chain_id(const std::optional<ChainId>& below, const DiffId& top) {
  if (!below) return ChainId{top.digest};
  return ChainId{sha256(below->text() + " " + top.text())};
}

}  // namespace slipway

std::size_t std::hash<slipway::Digest>::operator()(const slipway::Digest& digest) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, digest.bytes.data(), sizeof value);
  return value;
}
