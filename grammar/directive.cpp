#include <grammar/characters.hpp>
#include <grammar/directive.hpp>

#include <algorithm>

namespace slipway::grammar {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

std::optional<DirectiveText> directive_of(std::string_view comment) {
  constexpr std::string_view blanks = " \t\n\f\r";
  if (comment.empty() || comment[0] != '#') return std::nullopt;
  std::size_t at = 1;
  while (at < comment.size() && is_space(decode(comment, at).value)) {
    at += decode(comment, at).length;
  }
  DirectiveText directive;
  directive.name_begin = at;
  if (at == comment.size() || !is_letter(comment[at])) return std::nullopt;
  while (at < comment.size() && (is_letter(comment[at]) || is_digit(comment[at]))) {
    directive.name += lower(comment[at++]);
  }
  at = std::min(comment.find_first_not_of(blanks, at), comment.size());
  if (at == comment.size() || comment[at] != '=') return std::nullopt;
  at = comment.find_first_not_of(blanks, at + 1);
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t end = comment.find_last_not_of(blanks) + 1;
  directive.value_begin = at;
  directive.value = comment.substr(at, end - at);
  if (directive.name != "syntax" && directive.name != "escape" && directive.name != "check") {
    return std::nullopt;
  }
  return directive;
}

}  // namespace slipway::grammar
