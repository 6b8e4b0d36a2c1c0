// UTF-8, one code point at a time.
#pragma once

#include <cstddef>
#include <string_view>

namespace slipway {

struct CodePoint {
  char32_t value = 0;      // of a stray byte: the byte
  std::size_t length = 1;  // bytes
  bool valid = false;      // false: a stray byte
};

// The code point at the front of `text`, which is not empty (RFC 3629: no surrogates, nothing
// written longer than it need be). A byte that starts none is one by itself.
CodePoint decode(std::string_view text);

}  // namespace slipway
