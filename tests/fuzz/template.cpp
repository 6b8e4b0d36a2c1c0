// A template of --format, applied to an image.
#include "target.hpp"

#include <frontend/template/template.hpp>

#include <algorithm>
#include <string>

namespace slipway::fuzz {
namespace {

Value image() {
  return make_record(
      {{"Id", "sha256:1"},
       {"Size", std::int64_t{42}},
       {"Ratio", 0.5},
       {"Nothing", Value::Null{}},
       {"Tags", Value::list({"one", "two\x1b[31m"})},
       {"Hidden", Value::list({}), false},
       {"Labels", make_map({{"a", "1\x07"}, {"b.c", "\xFF"}})},
       {"Config",
        make_record({{"User", "root"}, {"Layers", Value::list({make_record({{"ID", "x"}})})}})}});
}

bool has_controls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c == '\x1b' || c == '\x07'; });
}

}  // namespace

void try_input(std::string_view input) {
  const auto file = file_of(input);
  const auto checked = [&](const Error& error) {
    const Diagnostic& mistake = error.diagnostics().front();
    require(!mistake.message.empty(), "a mistake has a message");
    if (mistake.span)
      require(mistake.span.file->text == input, "a mistake has a place in the text");
  };
  try {
    const Template parsed{std::string(input)};
    const Value data = image();
    const std::string text = parsed.run(data);
    require(parsed.run(data) == text, "the same data give the same text");
    // The template's own escapes are what its writer wants.
    if (!has_controls(input) && input.find('\\') == input.npos && input.find('\'') == input.npos &&
        input.find("printf") == input.npos)
      require(!has_controls(parsed.run(data, Template::For::terminal)),
              "a terminal gets no control character of the data");
    (void)parsed.headings(data);
  } catch (const Error& error) {
    checked(error);
  }
}

}  // namespace slipway::fuzz
