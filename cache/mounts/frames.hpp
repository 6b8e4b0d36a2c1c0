// One zstd frame at a time, whole in memory.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace slipway {

// Keeps its working memory. Not thread-safe.
class Frames {
 public:
  Frames();
  ~Frames();
  Frames(const Frames&) = delete;

  // Level 3, with a checksum: always the same bytes.
  std::string compress(std::string_view bytes);
  // What a frame that nobody vouches for holds. Throws Error if it is none, or holds more than
  // `most` bytes.
  std::string expand(std::string_view frame, std::size_t most);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace slipway
