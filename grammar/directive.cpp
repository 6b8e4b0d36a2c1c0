#include <grammar/characters.hpp>
#include <grammar/directive.hpp>

#include <algorithm>

namespace slipway::grammar {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

}  // namespace

std::optional<DirectiveText> directive_of(std::string_view line, std::string_view sign) {
  constexpr std::string_view blanks = " \t\n\f\r";
  if (!line.starts_with(sign)) return std::nullopt;
  std::size_t at = sign.size();
  while (at < line.size()) {
    const CodePoint point = decode(line, at);
    if (point.stray || !is_space(point.value)) break;
    at += point.length;
  }
  DirectiveText directive;
  directive.name_begin = at;
  if (at == line.size() || !is_letter(line[at])) return std::nullopt;
  while (at < line.size() && (is_letter(line[at]) || is_digit(line[at]))) {
    directive.name += lower(line[at++]);
  }
  at = std::min(line.find_first_not_of(blanks, at), line.size());
  if (at == line.size() || line[at] != '=' || ++at == line.size()) return std::nullopt;
  // A value there has to be: where nothing but blanks follows, it is the last of them.
  at = std::min(line.find_first_not_of(blanks, at), line.size() - 1);
  const std::size_t end = std::max(line.find_last_not_of(blanks), at) + 1;
  directive.value_begin = at;
  directive.value = line.substr(at, end - at);
  if (directive.name != "syntax" && directive.name != "escape" && directive.name != "check") {
    return std::nullopt;
  }
  return directive;
}

std::vector<HeadDirective> head_directives(std::string_view text, std::string_view sign) {
  std::vector<HeadDirective> found;
  for (std::size_t begin = behind_shebang(text); begin < text.size();) {
    const std::size_t line_end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, line_end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto directive = directive_of(line, sign);
    if (!directive) break;
    const bool repeated = std::any_of(found.begin(), found.end(), [&](const HeadDirective& each) {
      return each.directive.name == directive->name;
    });
    if (repeated) break;
    found.push_back({std::move(*directive), begin, begin + line.size()});
    begin = line_end + 1;
  }
  return found;
}

std::size_t behind_shebang(std::string_view text) {
  if (!text.starts_with("#!")) return 0;
  const std::size_t line_end = text.find('\n');
  return line_end == std::string_view::npos ? text.size() : line_end + 1;
}

}  // namespace slipway::grammar
