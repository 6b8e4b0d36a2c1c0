#include <cache/json_bounds.hpp>

namespace slipway {

bool is_modest_json(std::string_view text, std::size_t depth, std::size_t values) {
  std::size_t open = 0;
  std::size_t seen = 0;
  bool inside_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside_string) {
      if (c == '\\') ++i;
      if (c == '"') inside_string = false;
      continue;
    }
    switch (c) {
      case '"':
        inside_string = true;
        break;
      case '[':
      case '{':
        if (++open > depth || ++seen > values) return false;
        break;
      case ']':
      case '}':
        if (open > 0) --open;
        break;
      case ',':
      case ':':
        if (++seen > values) return false;
        break;
      default:
        break;
    }
  }
  return true;
}

}  // namespace slipway
