// Lines of databases that are text.
#pragma once

#include <string_view>

namespace slipway {

// Takes a line off the front, without its end of line. False: there is none left.
bool take_line(std::string_view& text, std::string_view& line);

std::string_view without_blanks(std::string_view text);

// "Name: value" in its two parts; the name is empty where there is no colon.
struct NamedValue {
  std::string_view name;
  std::string_view value;  // without blanks around it
};
NamedValue named_value(std::string_view line);

}  // namespace slipway
