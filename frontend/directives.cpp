#include <frontend/directives.hpp>
#include <frontend/parse.hpp>

#include <grammar/directive.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

// Reads {"syntax": "..."}, and whatever else is in there, without building it.
class SyntaxOfJson final : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::optional<std::string> value;

  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t) override { return other(); }
  bool number_unsigned(number_unsigned_t) override { return other(); }
  bool number_float(number_float_t, const string_t&) override { return other(); }
  bool string(string_t& text) override {
    if (depth_ == 1 && here_) value = text;
    return true;
  }
  bool binary(binary_t&) override { return other(); }
  bool start_object(std::size_t) override { return enter(); }
  bool key(string_t& name) override {
    if (depth_ == 1) here_ = name == "syntax";
    return true;
  }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  // The last value of a name that is given twice counts, also where it is no string.
  bool other() {
    if (depth_ == 1 && here_) value.reset();
    return true;
  }
  bool enter() {
    other();
    ++depth_;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }
  std::size_t depth_ = 0;
  bool here_ = false;
};

std::optional<Directive> syntax_of_json(const Fragment& text) {
  const std::size_t begin = grammar::behind_shebang(text.text());
  const std::string_view json = std::string_view(text.text()).substr(begin);
  const std::size_t first = json.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || json[first] != '{') return std::nullopt;
  SyntaxOfJson found;
  if (!nlohmann::json::sax_parse(json, &found) || !found.value) return std::nullopt;
  const std::size_t line_end = std::min(json.find('\n', first), json.size());
  return Directive{"syntax", *found.value,
                   text.slice(begin + first, begin + line_end).trimmed().span()};
}

}  // namespace

std::vector<Directive> directives_of(const Fragment& text, const std::vector<Directive>& parsed) {
  std::vector<Directive> directives;
  for (const Directive& each : parsed)
    if (each.name == "escape") directives.push_back(each);
  for (const grammar::HeadDirective& each : grammar::head_directives(text.text())) {
    if (each.directive.name == "escape") continue;
    directives.push_back({each.directive.name, std::string(each.directive.value),
                          text.slice(each.begin, each.end).trimmed().span()});
  }
  std::stable_sort(
      directives.begin(), directives.end(),
      [](const Directive& a, const Directive& b) { return a.span.line < b.span.line; });
  return directives;
}

std::optional<Directive> find_syntax(const std::shared_ptr<const SourceFile>& source) {
  const Fragment text = whole_text(source);
  for (const std::string_view sign : {"#", "//"}) {
    for (const grammar::HeadDirective& each : grammar::head_directives(text.text(), sign)) {
      if (each.directive.name != "syntax") continue;
      return Directive{"syntax", std::string(each.directive.value),
                       text.slice(each.begin, each.end).trimmed().span()};
    }
  }
  return syntax_of_json(text);
}

}  // namespace slipway
