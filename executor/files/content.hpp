// Reading the content of files that others own.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
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
  // `going_on` is called every few MiB, and throws where the reading is to end: a file may be
  // larger than anybody wants to wait for.
  explicit FileHasher(std::function<void()> going_on = {});
  std::optional<Digest> read(int descriptor, std::uint64_t size, std::string_view path) override;

 private:
  const std::function<void()> going_on_;
  Hasher hasher_;
  std::unique_ptr<std::byte[]> buffer_;
};

// How many threads are worth it for reading so many files, at most `most`; 0: it is over before one
// has started.
std::size_t worthwhile_threads(std::size_t files, std::uint64_t bytes, std::size_t most);

// Starts a thread that helps. Empty where the system has no more of them: then those that are
// there, the caller among them, do all of it.
std::thread start_helper(std::function<void()> work);

}  // namespace slipway
