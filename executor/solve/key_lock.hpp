// One process at a time does the work of one key, whichever slipway processes share the store.
#pragma once

#include <ir/digest.hpp>

#include <filesystem>
#include <optional>
#include <utility>

namespace slipway {

// Held to the end of its scope or of the process, however that comes.
class [[nodiscard]] KeyLock {
 public:
  // A lock on one byte of a file that all keys share, so no lock file is ever left behind. `file`
  // is made if it is missing. Empty: another holds it. Throws Error where locking itself fails.
  static std::optional<KeyLock> attempt(const std::filesystem::path& file, const Digest& key);

  KeyLock(KeyLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  KeyLock& operator=(KeyLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~KeyLock();

 private:
  explicit KeyLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;  // -1: moved from
};

}  // namespace slipway
