// Flags whose value is a list of key=value.
#include "build_inputs.hpp"

#include <ir/error.hpp>

#include <cstddef>

namespace slipway {

std::vector<std::pair<std::string, std::string>> parse_fields(std::string_view text,
                                                              std::string_view flag) {
  std::vector<std::pair<std::string, std::string>> fields;
  std::string field;
  bool in_quotes = false;
  const auto finish = [&] {
    const auto equals = field.find('=');
    fields.emplace_back(field.substr(0, equals),
                        equals == std::string::npos ? "" : field.substr(equals + 1));
    field.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && in_quotes && i + 1 < text.size() && text[i + 1] == '"') {
      field += '"';
      ++i;
    } else if (c == '"') {
      in_quotes = !in_quotes;
    } else if (c == ',' && !in_quotes) {
      finish();
    } else {
      field += c;
    }
  }
  if (in_quotes) throw Error(std::string(flag) + ": a quote in " + quoted(text) + " is not closed");
  finish();
  return fields;
}

}  // namespace slipway
