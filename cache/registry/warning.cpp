#include <cache/registry/warning.hpp>

#include <algorithm>
#include <cstddef>

namespace slipway {

std::vector<std::string> parse_warnings(std::string_view header) {
  constexpr std::string_view start = "299 - \"";
  std::vector<std::string> texts;
  while (!header.empty()) {
    const std::size_t blank = std::min(header.find_first_not_of(" \t,"), header.size());
    header.remove_prefix(blank);
    const bool meant = header.starts_with(start);
    // The next one begins behind a comma that is in no quotes.
    std::string text;
    bool inside = false;
    std::size_t at = 0;
    for (; at < header.size() && (inside || header[at] != ','); ++at) {
      if (header[at] == '"') {
        inside = !inside;
        continue;
      }
      if (inside && header[at] == '\\' && at + 1 < header.size()) ++at;
      if (inside) text += header[at];
    }
    if (meant && !text.empty()) texts.push_back(std::move(text));
    header.remove_prefix(at);
  }
  return texts;
}

}  // namespace slipway
