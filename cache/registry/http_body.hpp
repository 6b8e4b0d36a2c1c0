// The body of a request, read piece by piece as it is sent. For http.cpp alone.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/registry/http.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace slipway {

class HttpBodyReader {
 public:
  // Opens the file, if it is one; no link is followed. The upload must outlive this. Throws Error.
  explicit HttpBodyReader(const HttpUpload& upload);

  std::uint64_t size() const { return size_; }
  // Fills the front of `buffer` and says how much; 0 at the end. Throws Error for a file that has
  // fewer bytes than were promised: their number has been sent already.
  std::size_t read(std::span<char> buffer);
  // To a place within the body, from its front: a server closed a connection that was kept, and
  // what was sent goes to a new one.
  void seek(std::uint64_t place) { at_ = place; }

 private:
  const HttpUpload& upload_;
  FileDescriptor file_;  // empty: the body is in memory
  std::uint64_t size_ = 0;
  std::uint64_t at_ = 0;
};

}  // namespace slipway
