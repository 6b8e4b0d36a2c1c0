// Identities: what names a blob, a layer, a set of files, a result.
//
// A Digest is a bare sha256. What it is the sha256 *of* is part of the type (DESIGN §2): a
// diffID can't be passed where a tree digest is meant.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace slipway {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;
  // 64 lower-case hexadecimal characters.
  std::string hex() const;
  // "sha256:" and hex(), as OCI documents write it.
  std::string text() const;
  // Accepts exactly what text() gives (image-spec, descriptor.md#digests); nothing otherwise.
  static std::optional<Digest> parse(std::string_view text);
  // Accepts exactly what hex() gives.
  static std::optional<Digest> parse_hex(std::string_view hex);
};

// A digest whose meaning is its type. `Tag` is never defined.
template <class Tag>
struct Identity {
  Digest digest;
  auto operator<=>(const Identity&) const = default;
  std::string hex() const { return digest.hex(); }
  std::string text() const { return digest.text(); }
};

// sha256 of a layer's uncompressed tar (image-spec, config.md#layer-diffid).
using DiffId = Identity<struct DiffIdTag>;
// A stack of diffIDs (image-spec, config.md#layer-chainid).
using ChainId = Identity<struct ChainIdTag>;
// "The same files": of the sorted entries of a layer or a selection of files, without mtimes.
using TreeDigest = Identity<struct TreeDigestTag>;
// What a result is kept under: the typed operation and its inputs' tree digests.
using CacheKey = Identity<struct CacheKeyTag>;
// Equal vertices of one solve: the operation and its inputs' definition digests.
using DefinitionDigest = Identity<struct DefinitionDigestTag>;

// sha256 over bytes that arrive in pieces. Not thread-safe; movable.
class Hasher {
 public:
  Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();

  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes);
  // The digest of all bytes so far; the hasher then starts anew.
  Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest sha256(std::string_view bytes);

// RFC 2104: what says whether two texts are the same, to nobody but those who have the key.
Digest hmac_sha256(std::string_view key, std::string_view bytes);

// The chainID of the stack that has `top` above `below` (nothing below: the diffID itself).
ChainId chain_id(const std::optional<ChainId>& below, const DiffId& top);

}  // namespace slipway

template <>
struct std::hash<slipway::Digest> {
  // A sha256 is uniformly distributed already: its first bytes will do.
  std::size_t operator()(const slipway::Digest& digest) const noexcept;
};
template <class Tag>
struct std::hash<slipway::Identity<Tag>> {
  std::size_t operator()(const slipway::Identity<Tag>& id) const noexcept {
    return std::hash<slipway::Digest>{}(id.digest);
  }
};
