#include <executor/files/file_mode.hpp>

#include <ir/error.hpp>

namespace slipway {
namespace {

constexpr std::uint32_t setuid = 04000;
constexpr std::uint32_t setgid = 02000;
constexpr std::uint32_t sticky = 01000;
constexpr std::uint32_t all = 07777;
constexpr std::uint32_t without_sticky = 06777;

Error malformed(std::string_view text) {
  return Error("--chmod=" + quoted(text) + " is no mode")
      .hint("octal from 0 to 07777, or symbolic as chmod has it: u=rwX,go=rX");
}

}  // namespace

// chmod(1): clauses behind commas, each with whom it is for and one or several actions.
ModeChange::ModeChange(std::string_view text) {
  const std::string_view whole = text;
  if (text.empty()) return;
  if (text.front() >= '0' && text.front() <= '9') {
    octal_ = true;
    for (const char c : text) {
      if (c < '0' || c > '7') throw malformed(whole);
      mode_ = mode_ * 8 + static_cast<std::uint32_t>(c - '0');
      if (mode_ > all) throw malformed(whole);
    }
    return;
  }
  const auto peek = [&] { return text.empty() ? '\0' : text.front(); };
  for (;;) {
    std::uint32_t who = 0;
    for (;; text.remove_prefix(1)) {
      if (peek() == 'u') who |= setuid | 0700;
      else if (peek() == 'g') who |= setgid | 070;
      else if (peek() == 'o') who |= 07;
      else if (peek() == 'a') who |= without_sticky;
      else break;
    }
    // "o+s" means nothing, "u+t" neither: those bits belong to all.
    const bool sets_id = who == 0 || (who & ~std::uint32_t{07}) != 0;
    const bool sets_sticky = who == 0 || (who & 07) != 0;
    if (who == 0) who = without_sticky;

    bool any = false;
    while (peek() == '+' || peek() == '-' || peek() == '=') {
      any = true;
      Clause clause;
      clause.operation = peek();
      clause.who = who;
      text.remove_prefix(1);
      if (peek() == 'u' || peek() == 'g' || peek() == 'o') {
        clause.copied = peek();
        text.remove_prefix(1);
      } else {
        for (; !text.empty() && peek() != ',' && peek() != '+' && peek() != '-' && peek() != '=';
             text.remove_prefix(1)) {
          if (peek() == 'r') clause.bits |= 0444;
          else if (peek() == 'w') clause.bits |= 0222;
          else if (peek() == 'x') clause.bits |= 0111;
          else if (peek() == 'X') clause.conditional_x = true;
          else if (peek() == 's') clause.bits |= sets_id ? setuid | setgid : 0;
          else if (peek() == 't' && sets_sticky) {
            clause.bits |= sticky;
            clause.who |= sticky;
          } else if (peek() != 't') throw malformed(whole);
        }
      }
      clauses_.push_back(clause);
    }
    if (!any) throw malformed(whole);
    if (text.empty()) return;
    if (peek() != ',') throw malformed(whole);
    text.remove_prefix(1);
  }
}

std::uint32_t ModeChange::apply(std::uint32_t mode, bool directory) const {
  if (octal_) return mode_;
  const bool executable = directory || (mode & 0111) != 0;
  for (const Clause& clause : clauses_) {
    std::uint32_t bits = clause.bits;
    if (clause.conditional_x && executable) bits |= 0111;
    if (clause.copied != 0) {
      const std::uint32_t three =
          clause.copied == 'u' ? mode >> 6 & 7 : clause.copied == 'g' ? mode >> 3 & 7 : mode & 7;
      bits = three * 0111;
    }
    bits &= clause.who;
    if (clause.operation == '+') mode |= bits;
    else if (clause.operation == '-') mode &= ~bits;
    else mode = (mode & ~clause.who) | bits;
  }
  return mode & all;
}

std::uint32_t ModeChange::of_made_directory() const { return octal_ ? mode_ & 0777 : 0755; }

}  // namespace slipway
