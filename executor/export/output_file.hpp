// A file that is being written for the user: aside first, renamed when it is whole.
#pragma once

#include <cache/stream.hpp>

#include <string>

namespace slipway {

class [[nodiscard]] OutputFile {
 public:
  // "-" is standard output, which must not be a terminal. Throws Error.
  explicit OutputFile(std::string path);
  // Removes what was not finished.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;

  // Throws Error: a full disk, a closed pipe.
  void write(std::span<const std::byte> bytes);
  void finish();

 private:
  std::string path_;
  std::string aside_;    // empty: standard output, or renamed already
  int descriptor_ = -1;
};

}  // namespace slipway
