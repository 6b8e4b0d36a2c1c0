// Source text and places in it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace slipway {

// One text that instructions come from: a Dockerfile, or an image's ONBUILD trigger. Shared by
// all spans into it and never changed.
struct SourceFile {
  std::string name;  // as the user would write it; in messages only
  std::string text;
};

// A half-open range of a source text. Lines and columns count from 1; columns count code points,
// a stray byte counting as one and a byte order mark at the start as none. A span without a file
// belongs to no text (a flag, an option).
struct SourceSpan {
  std::shared_ptr<const SourceFile> file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t end_line = 0;
  std::uint32_t end_column = 0;  // one past the last character

  explicit operator bool() const { return file != nullptr; }
};

}  // namespace slipway
