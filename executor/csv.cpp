#include <executor/csv.hpp>

#include <ir/error.hpp>

namespace slipway {

std::vector<std::string> split_csv(std::string_view text, std::string_view flag) {
  std::vector<std::string> fields(1);
  bool in_quotes = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && in_quotes && i + 1 < text.size() && text[i + 1] == '"') {
      fields.back() += '"';
      ++i;
    } else if (c == '"') {
      in_quotes = !in_quotes;
    } else if (c == ',' && !in_quotes) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (in_quotes) throw Error(std::string(flag) + " " + quoted(text) + ": a quote is not closed");
  return fields;
}

}  // namespace slipway
