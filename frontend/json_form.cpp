#include <frontend/json_form.hpp>

#include <grammar/characters.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

namespace slipway {
namespace {

// Collects the strings of one array. Builds no tree, so nesting costs nothing.
class Strings final : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<std::string> values;
  bool only_strings = true;
  bool array = false;

  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t) override { return other(); }
  bool number_unsigned(number_unsigned_t) override { return other(); }
  bool number_float(number_float_t, const string_t&) override { return other(); }
  bool string(string_t& value) override {
    if (depth_ == 1) values.push_back(value);
    return true;
  }
  bool binary(binary_t&) override { return other(); }
  bool start_object(std::size_t) override { return enter(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override {
    array = array || depth_ == 0;
    return enter();
  }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  bool other() {
    only_strings = false;
    return true;
  }
  bool enter() {
    if (depth_++ > 0) only_strings = false;
    return depth_ <= deepest;
  }
  bool leave() {
    --depth_;
    return true;
  }
  static constexpr std::size_t deepest = 10'000;  // docker's decoder takes no more for JSON
  std::size_t depth_ = 0;
};

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

// The value of \uXXXX at `at`; nothing if that is not what stands there.
std::optional<unsigned> escaped_unit(std::string_view text, std::size_t at) {
  if (text.size() < at + 6 || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  unsigned value = 0;
  const char* const end = text.data() + at + 6;
  const auto [stop, error] = std::from_chars(text.data() + at + 2, end, value, 16);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

bool is_first_half(unsigned unit) {
  return unit >= 0xd800 && unit < 0xdc00;
}
bool is_second_half(unsigned unit) {
  return unit >= 0xdc00 && unit < 0xe000;
}

// Stray bytes, and halves of pairs alone, become U+FFFD, as in docker's decoder.
std::string repaired(const std::string& text) {
  std::string valid;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\\') {
      const auto unit = escaped_unit(text, at);
      const auto next = unit && is_first_half(*unit) ? escaped_unit(text, at + 6) : std::nullopt;
      const bool pair = next && is_second_half(*next);
      const std::size_t length = pair ? 12 : unit ? 6 : std::min<std::size_t>(2, text.size() - at);
      const bool half = unit && !pair && (is_first_half(*unit) || is_second_half(*unit));
      valid += half ? replacement : std::string_view(text).substr(at, length);
      at += length;
      continue;
    }
    const grammar::CodePoint point = grammar::decode(text, at);
    valid += point.stray ? replacement : std::string_view(text).substr(at, point.length);
    at += point.length;
  }
  return valid;
}

// The insides of the strings of an array that is known to be valid and to hold strings only.
std::vector<Fragment> insides(const Fragment& text) {
  std::vector<Fragment> found;
  const std::string& all = text.text();
  for (std::size_t at = all.find('"'); at != std::string::npos; at = all.find('"', at)) {
    const std::size_t begin = ++at;
    while (all[at] != '"') at += all[at] == '\\' ? 2 : 1;
    found.push_back(text.slice(begin, at));
    ++at;
  }
  return found;
}

}  // namespace

std::optional<JsonForm> read_json_form(const Fragment& text) {
  Strings strings;
  const std::string valid = repaired(text.text());
  // To the library a zero byte is the end of the text; in JSON it is no character at all.
  if (valid.find('\0') != std::string::npos) return std::nullopt;
  if (!nlohmann::json::sax_parse(valid, &strings) || !strings.array) return std::nullopt;
  JsonForm form;
  form.only_strings = strings.only_strings;
  if (!form.only_strings) return form;
  form.values = std::move(strings.values);
  form.fragments = insides(text);
  return form;
}

std::optional<JsonForm> json_form_of(const Statement& statement, Report& report) {
  if (!statement.bracket) return std::nullopt;
  auto form = read_json_form(statement.rest);
  if (form && !form->only_strings) {
    report.syntax(statement.rest.span(), "the JSON form takes an array of strings only",
                  "put every element in double quotes");
    form->values.clear();
    form->fragments.clear();
  }
  return form;
}

}  // namespace slipway
