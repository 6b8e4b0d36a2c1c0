#include <frontend/json_form.hpp>

#include <grammar/characters.hpp>

#include <nlohmann/json.hpp>

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
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::json::exception&) override {
    return false;
  }

 private:
  bool other() {
    only_strings = false;
    return true;
  }
  bool enter() {
    if (depth_++ > 0) only_strings = false;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }
  std::size_t depth_ = 0;
};

// Stray bytes become U+FFFD, as in docker's decoder.
std::string valid_utf8(const std::string& text) {
  std::string valid;
  for (std::size_t at = 0; at < text.size();) {
    const grammar::CodePoint point = grammar::decode(text, at);
    if (point.stray) {
      valid += "\xef\xbf\xbd";
    } else {
      valid.append(text, at, point.length);
    }
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
  const std::string valid = valid_utf8(text.text());
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
