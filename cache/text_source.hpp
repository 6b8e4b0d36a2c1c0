// A text as a source of bytes.
#pragma once

#include <cache/stream.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

namespace slipway {

// The text outlives it. Not thread-safe.
class TextSource : public ByteSource {
 public:
  explicit TextSource(std::string_view text) : text_(text) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), text_.size());
    std::copy_n(reinterpret_cast<const std::byte*>(text_.data()), count, buffer.begin());
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
};

}  // namespace slipway
