#include <ir/checksum.hpp>

#include <ir/error.hpp>

// As in digest.cpp: without EVP's providers.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <array>
#include <cstdint>
#include <variant>

namespace slipway {
namespace {

struct Sha256 {
  SHA256_CTX context;
};
struct Sha384 {
  SHA512_CTX context;
};
struct Sha512 {
  SHA512_CTX context;
};

std::string_view algorithm_of(std::string_view checksum) {
  return checksum.substr(0, checksum.find(':'));
}

}  // namespace

std::optional<std::size_t> checksum_digits(std::string_view algorithm) {
  if (algorithm == "sha256") return 64;
  if (algorithm == "sha384") return 96;
  if (algorithm == "sha512") return 128;
  return std::nullopt;
}

struct ChecksumHasher::State {
  std::string algorithm;
  std::variant<Sha256, Sha384, Sha512> hash;
};

ChecksumHasher::ChecksumHasher(std::string_view checksum) : state_(std::make_unique<State>()) {
  state_->algorithm = algorithm_of(checksum);
  if (state_->algorithm == "sha256") {
    SHA256_Init(&state_->hash.emplace<Sha256>().context);
  } else if (state_->algorithm == "sha384") {
    SHA384_Init(&state_->hash.emplace<Sha384>().context);
  } else if (state_->algorithm == "sha512") {
    SHA512_Init(&state_->hash.emplace<Sha512>().context);
  } else {
    throw Error("checksums by " + quoted(state_->algorithm) + " are not known");
  }
}

ChecksumHasher::~ChecksumHasher() = default;

void ChecksumHasher::update(std::span<const std::byte> bytes) {
  if (auto* sha256 = std::get_if<Sha256>(&state_->hash)) {
    SHA256_Update(&sha256->context, bytes.data(), bytes.size());
  } else if (auto* sha384 = std::get_if<Sha384>(&state_->hash)) {
    SHA384_Update(&sha384->context, bytes.data(), bytes.size());
  } else {
    SHA512_Update(&std::get<Sha512>(state_->hash).context, bytes.data(), bytes.size());
  }
}

std::string ChecksumHasher::finish() {
  std::array<unsigned char, SHA512_DIGEST_LENGTH> sum{};
  if (auto* sha256 = std::get_if<Sha256>(&state_->hash)) {
    SHA256_Final(sum.data(), &sha256->context);
  } else if (auto* sha384 = std::get_if<Sha384>(&state_->hash)) {
    SHA384_Final(sum.data(), &sha384->context);
  } else {
    SHA512_Final(sum.data(), &std::get<Sha512>(state_->hash).context);
  }
  static constexpr char digits[] = "0123456789abcdef";
  std::string text = state_->algorithm + ":";
  for (std::size_t i = 0; i < *checksum_digits(state_->algorithm) / 2; ++i) {
    text += digits[sum[i] >> 4];
    text += digits[sum[i] & 15];
  }
  return text;
}

}  // namespace slipway
