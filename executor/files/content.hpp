// Reading the content of files that others own.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {

// The digest of nothing.
const Digest& empty_content();

// Opens a regular file beneath `root` for reading, with no link anywhere on the way and without
// waiting for a pipe's other end. Empty: errno says why; EINVAL: it is no regular file.
FileDescriptor open_regular_beneath(int root, std::string_view path);

// What reads a file from its beginning to its end.
class FileReader {
 public:
  virtual ~FileReader() = default;
  // The digest of an open file's `size` bytes; empty if it has more or fewer. Throws Error naming
  // `path` where it cannot be read.
  virtual std::optional<Digest> read(int descriptor, std::uint64_t size, std::string_view path) = 0;
};

// Hashes file after file with one buffer. Not thread-safe.
class FileHasher : public FileReader {
 public:
  FileHasher();
  std::optional<Digest> read(int descriptor, std::uint64_t size, std::string_view path) override;

 private:
  Hasher hasher_;
  std::unique_ptr<std::byte[]> buffer_;
};

// An open file as a source, from its current offset.
class FileSource : public ByteSource {
 public:
  // `path` for messages.
  FileSource(FileDescriptor file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  FileDescriptor file_;
  std::string path_;
};

}  // namespace slipway
