#include <frontend/fragment.hpp>

#include <grammar/characters.hpp>

#include <algorithm>

namespace slipway {
namespace {

constexpr std::size_t count_step = 64;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// Characters in a range of bytes that begins with one.
std::size_t count_characters(std::string_view text, std::size_t begin, std::size_t end) {
  std::size_t count = 0;
  for (std::size_t at = begin; at < end; at += grammar::decode(text, at).length) ++count;
  return count;
}

}  // namespace

Lines::Lines(std::shared_ptr<const SourceFile> file) : file_(std::move(file)) {
  const std::string& text = file_->text;
  starts_.push_back(0);
  bool ascii = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n') starts_.push_back(at + 1);
    ascii = ascii && static_cast<unsigned char>(text[at]) < 0x80;
  }
  if (ascii) return;
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    // One entry a step, for the first character that begins in it.
    if (at / count_step >= character_counts_.size()) character_counts_.push_back(count);
    at += grammar::decode(text, at).length;
  }
}

std::size_t Lines::characters_before(std::size_t byte) const {
  if (character_counts_.empty()) return byte;
  const std::string_view text = file_->text;
  const std::size_t step = std::min(byte / count_step, character_counts_.size() - 1);
  // The first character that begins in the step may begin up to three bytes behind its start.
  std::size_t at = step * count_step;
  for (std::size_t back = std::min<std::size_t>(3, at); back > 0; --back) {
    const grammar::CodePoint point = grammar::decode(text, at - back);
    if (!point.stray && point.length > back) {
      at = at - back + point.length;
      break;
    }
  }
  return character_counts_[step] + count_characters(text, at, byte);
}

Lines::Place Lines::place(std::size_t byte) const {
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), byte);
  const std::size_t line = static_cast<std::size_t>(next - starts_.begin());
  const std::size_t start = starts_[line - 1];
  // A byte order mark is not seen, so it has no column.
  const bool mark = line == 1 && file_->text.starts_with(byte_order_mark) && byte >= 3;
  const std::size_t column = characters_before(byte) - characters_before(start) - (mark ? 1 : 0);
  return {static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(column + 1)};
}

SourceSpan Lines::span(std::size_t begin, std::size_t end) const {
  // A guessed keyword may be longer than what is left of the file.
  const std::size_t size = file_->text.size();
  const Place first = place(std::min(begin, size));
  const Place last = place(std::min(std::max(begin, end), size));
  return {file_, first.line, first.column, last.line, last.column};
}

Fragment::Fragment(std::shared_ptr<const Lines> lines, std::size_t begin)
    : text_(lines->file()->text.substr(begin)), origins_{{0, begin}}, lines_(std::move(lines)) {}

std::vector<Fragment::Origin>::const_iterator Fragment::origin_of(std::size_t offset) const {
  const auto next = std::upper_bound(
      origins_.begin(), origins_.end(), offset,
      [](std::size_t wanted, const Origin& origin) { return wanted < origin.offset; });
  return next == origins_.begin() ? next : std::prev(next);
}

std::size_t Fragment::byte_of(std::size_t offset) const {
  if (origins_.empty()) return 0;
  const auto origin = origin_of(offset);
  return origin->byte + (offset - origin->offset);
}

Fragment Fragment::slice(std::size_t begin, std::size_t end) const {
  Fragment part;
  part.append(*this, begin, end);
  return part;
}

std::pair<std::size_t, std::size_t> Fragment::inside() const {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool started = false;
  for (std::size_t at = 0; at < text_.size();) {
    const grammar::CodePoint point = grammar::decode(text_, at);
    if (point.stray || !grammar::is_space(point.value)) {
      if (!started) begin = at;
      started = true;
      end = at + point.length;
    }
    at += point.length;
  }
  return {begin, end};
}

Fragment Fragment::trimmed() const {
  const auto [begin, end] = inside();
  return slice(begin, end);
}

Fragment Fragment::trimmed_front() const {
  const auto [begin, end] = inside();
  return slice(begin, end == 0 ? 0 : text_.size());
}

Fragment Fragment::trimmed_back() const {
  return slice(0, inside().second);
}

Fragment Fragment::with_beginning(std::string_view text, std::size_t size) const {
  Fragment result = slice(0, 0);
  result.text_ = text;
  result.append(*this, size, text_.size());
  return result;
}

void Fragment::append(const Fragment& from, std::size_t begin, std::size_t end) {
  if (from.lines_ == nullptr) {
    place_ = from.place_;
    text_.append(from.text_, begin, end - begin);
    return;
  }
  lines_ = from.lines_;
  auto origin = from.origin_of(begin);
  std::size_t at = begin;
  do {
    const auto next = std::next(origin);
    const std::size_t stop = next == from.origins_.end() ? end : std::min(end, next->offset);
    const std::size_t byte = origin->byte + (at - origin->offset);
    if (origins_.empty() || byte_of(text_.size()) != byte) {
      // An empty fragment keeps its place; real text takes it over.
      if (!origins_.empty() && origins_.back().offset == text_.size()) origins_.pop_back();
      origins_.push_back({text_.size(), byte});
    }
    text_.append(from.text_, at, stop - at);
    at = stop;
    origin = next;
  } while (at < end && origin != from.origins_.end());
}

SourceSpan Fragment::span(std::size_t begin, std::size_t end) const {
  if (lines_ == nullptr) return place_;
  // The end is behind the last byte, wherever the next one stands.
  const std::size_t first = byte_of(begin);
  return lines_->span(first, end > begin ? byte_of(end - 1) + 1 : first);
}

Fragment whole_text(std::shared_ptr<const SourceFile> source) {
  const std::size_t begin = source->text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  return Fragment(std::make_shared<const Lines>(std::move(source)), begin);
}

}  // namespace slipway
