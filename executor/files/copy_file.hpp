// Copying one file's bytes and hashing them on the way.
#pragma once

#include <executor/files/content.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// A reader that also writes what it reads: each byte out of the buffer that was hashed, so that the
// digest is that of the copy whatever becomes of the source meanwhile. A large file is cloned where
// the file system can, and the clone is hashed. (copy_file_range into new blocks, and a second
// reading for the hash, was measured to cost the same as this and could not promise that.)
//
// Holes stay holes. Not thread-safe.
class FileCopier : public FileReader {
 public:
  struct Target {
    int file = -1;                 // empty, open for reading and writing
    std::string_view path;         // for messages
    std::string* bytes = nullptr;  // gets the content too; null: not wanted
    // Told how much from the beginning is in place; not of every byte.
    std::function<void(std::uint64_t)> progress;
  };

  FileCopier();
  // Where the next file goes.
  void aim(Target target) { target_ = std::move(target); }
  std::optional<Digest> read(int descriptor, std::uint64_t size, std::string_view path) override;

 private:
  bool clone(int from, std::uint64_t size);
  std::optional<Digest> hash_clone(std::uint64_t size, std::string_view path);
  // False: the file ends before `end`.
  bool copy_range(int from, std::uint64_t begin, std::uint64_t end, std::string_view path);
  bool copy_sparse(int from, std::uint64_t size, std::string_view path);
  void hash_zeros(std::uint64_t count);

  Target target_;
  Hasher hasher_;
  std::unique_ptr<std::byte[]> buffer_;
  bool can_clone_ = true;
};

}  // namespace slipway
