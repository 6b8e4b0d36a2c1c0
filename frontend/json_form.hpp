// The JSON (exec) form: ["program", "argument"].
#pragma once

#include <frontend/statements.hpp>

#include <optional>
#include <string>
#include <vector>

namespace slipway {

struct JsonForm {
  std::vector<std::string> values;
  std::vector<Fragment> fragments;  // the same as written, without the quotes
  bool only_strings = true;
};

// The text as a JSON array; nothing if it is not valid JSON, which makes it shell form or words.
std::optional<JsonForm> read_json_form(const Fragment& text);

// The same for a statement's arguments. Reports an array with anything but strings in it.
std::optional<JsonForm> json_form_of(const Statement& statement, Report& report);

}  // namespace slipway
