#include <cache/registry/challenge.hpp>

#include <ir/letter_case.hpp>

#include <cstddef>

namespace slipway {
namespace {

bool is_token_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool done() const { return at_ >= text_.size(); }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_blank() {
    while (take(' ') || take('\t')) {
    }
  }
  void skip_separators() {
    while (take(' ') || take('\t') || take(',')) {
    }
  }
  void skip_one() { ++at_; }

  std::string_view token() {
    const std::size_t start = at_;
    while (!done() && is_token_character(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }
  std::string value() {
    if (!take('"')) return std::string(token());
    std::string text;
    while (!done() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      text += text_[at_++];
    }
    take('"');
    return text;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Cursor cursor(header);
  for (cursor.skip_separators(); !cursor.done(); cursor.skip_separators()) {
    const std::string_view word = cursor.token();
    if (word.empty()) {
      cursor.skip_one();
      continue;
    }
    cursor.skip_blank();
    // "name=value" belongs to the challenge before it; any other word opens a new one. A token68
    // ("Negotiate YWJj=") then reads as a value or a scheme that nobody asks for.
    if (!challenges.empty() && cursor.take('=')) {
      cursor.skip_blank();
      challenges.back().values.emplace(lower_case(word), cursor.value());
      continue;
    }
    challenges.push_back({.scheme = lower_case(word), .values = {}});
  }
  return challenges;
}

}  // namespace slipway
