#include <cache/registry/content_range.hpp>

#include <limits>

namespace slipway {
namespace {

class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) { skip_blank(); }

  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  void skip_blank() {
    while (take(' ') || take('\t')) {
    }
  }
  bool done() {
    skip_blank();
    return text_.empty();
  }
  std::optional<std::uint64_t> number() {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    std::optional<std::uint64_t> value;
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') {
      const auto digit = static_cast<std::uint64_t>(text_.front() - '0');
      if (value.value_or(0) > (most - digit) / 10) return std::nullopt;
      value = value.value_or(0) * 10 + digit;
      text_.remove_prefix(1);
    }
    return value;
  }

 private:
  std::string_view text_;
};

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view value) {
  Cursor cursor(value);
  if (!cursor.take("bytes")) return std::nullopt;
  cursor.skip_blank();
  ContentRange range;
  if (cursor.take('*')) {
    range.unsatisfied = true;
  } else {
    const auto first = cursor.number();
    if (!first || !cursor.take('-')) return std::nullopt;
    const auto last = cursor.number();
    if (!last || *last < *first) return std::nullopt;
    range.first = *first;
    range.last = *last;
  }
  if (!cursor.take('/')) return std::nullopt;
  if (!cursor.take('*')) {
    range.whole = cursor.number();
    if (!range.whole) return std::nullopt;
    if (!range.unsatisfied && range.last >= *range.whole) return std::nullopt;
  } else if (range.unsatisfied) {
    return std::nullopt;
  }
  return cursor.done() ? std::optional(range) : std::nullopt;
}

std::optional<std::uint64_t> parse_upload_range(std::string_view value) {
  Cursor cursor(value);
  cursor.take("bytes=");
  if (cursor.number() != std::uint64_t{0} || !cursor.take('-')) return std::nullopt;
  const auto last = cursor.number();
  if (!last || !cursor.done()) return std::nullopt;
  return *last == 0 ? 0 : *last + 1;
}

}  // namespace slipway
