// The JSON form of an instruction's arguments.
#include "target.hpp"

#include <frontend/json_form.hpp>

#include <nlohmann/json.hpp>

namespace slipway::fuzz {
namespace {

// The array as JSON again: what its strings are, written plainly.
std::string written(const std::vector<std::string>& values) {
  return nlohmann::json(values).dump();
}

}  // namespace

void try_input(std::string_view input) {
  const auto file = file_of(input);
  const Fragment text(std::make_shared<const Lines>(file));
  const auto form = read_json_form(text);
  if (!form) return;
  require(form->values.size() == form->fragments.size() || !form->only_strings,
          "each string has its text");
  if (!form->only_strings) return;
  for (std::size_t i = 0; i < form->values.size(); ++i) {
    require_inside(form->fragments[i].span(), *file);
    const bool plain = form->fragments[i].text().find('\\') == std::string::npos;
    if (plain && form->fragments[i].text() != form->values[i]) {
      require(form->values[i].find("\xef\xbf\xbd") != std::string::npos,
              "a string without escapes is its text, but for stray bytes");
    }
  }
  const auto again_file = file_of(written(form->values));
  const auto again = read_json_form(Fragment(std::make_shared<const Lines>(again_file)));
  require(again && again->values == form->values, "an array written again is the same array");
}

}  // namespace slipway::fuzz
