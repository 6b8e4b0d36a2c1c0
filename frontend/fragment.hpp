// A piece of a Dockerfile's text that knows where each of its bytes stands in the file.
//
// Joining continuation lines and taking quotes away move the text; messages still have to point at
// the file. Everything behind the grammar works on fragments.
#pragma once

#include <ir/source.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// The lines of a file, to turn bytes into lines and columns.
class Lines {
 public:
  explicit Lines(std::shared_ptr<const SourceFile> file);

  const std::shared_ptr<const SourceFile>& file() const { return file_; }
  // The range of bytes as a span.
  SourceSpan span(std::size_t begin, std::size_t end) const;

 private:
  struct Place {
    std::uint32_t line;
    std::uint32_t column;
  };
  Place place(std::size_t byte) const;
  std::size_t characters_before(std::size_t byte) const;

  std::shared_ptr<const SourceFile> file_;
  std::vector<std::size_t> starts_;            // byte at which each line begins
  std::vector<std::size_t> character_counts_;  // before every 64th byte; empty for plain ASCII
};

class Fragment {
 public:
  Fragment() = default;
  // The file from byte `begin` on.
  explicit Fragment(std::shared_ptr<const Lines> lines, std::size_t begin = 0);

  // Text that stands nowhere as it is, such as the value of a JSON string with escapes in it: all
  // of it points at `place`.
  Fragment(std::string text, SourceSpan place) : text_(std::move(text)), place_(std::move(place)) {}

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  std::size_t size() const { return text_.size(); }

  Fragment slice(std::size_t begin, std::size_t end) const;
  // Without white space (Unicode's) at both ends, or at one.
  Fragment trimmed() const;
  Fragment trimmed_front() const;
  Fragment trimmed_back() const;
  // The same with `text` instead of the first `size` bytes; it stands where they stood.
  Fragment with_beginning(std::string_view text, std::size_t size) const;
  // Adds bytes of another fragment of the same file.
  void append(const Fragment& from, std::size_t begin, std::size_t end);

  SourceSpan span() const { return span(0, text_.size()); }
  SourceSpan span(std::size_t begin, std::size_t end) const;

 private:
  // The text from `offset` on stands at `byte` of the file, up to the next origin.
  struct Origin {
    std::size_t offset;
    std::size_t byte;
  };
  // The bytes of the text between white space at its ends; empty, at the start, if there are none.
  std::pair<std::size_t, std::size_t> inside() const;
  std::size_t byte_of(std::size_t offset) const;
  std::vector<Origin>::const_iterator origin_of(std::size_t offset) const;

  std::string text_;
  std::vector<Origin> origins_;
  std::shared_ptr<const Lines> lines_;
  SourceSpan place_;
};

// A file without its byte order mark.
Fragment whole_text(std::shared_ptr<const SourceFile> source);

}  // namespace slipway
