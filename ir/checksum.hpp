// Checksums as a person pins them: "sha256:", "sha384:" or "sha512:" and hexadecimal digits.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace slipway {

// How many hexadecimal digits stand behind an algorithm's name; nothing for one that is not known.
std::optional<std::size_t> checksum_digits(std::string_view algorithm);

// Bytes that arrive in pieces, hashed with any of those algorithms. Not thread-safe.
class ChecksumHasher {
 public:
  // Of the algorithm that `checksum` names in front of its ':'. Throws Error if it is not known.
  explicit ChecksumHasher(std::string_view checksum);
  ~ChecksumHasher();
  ChecksumHasher(const ChecksumHasher&) = delete;

  void update(std::span<const std::byte> bytes);
  // "sha512:..." of all bytes. To be called once.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
