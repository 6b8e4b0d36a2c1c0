#include <cache/registry/link.hpp>

#include <ir/letter_case.hpp>

#include <algorithm>

namespace slipway {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// `wanted` in small letters. Several relations may stand in one value, with blanks between.
bool has_relation(std::string_view value, std::string_view wanted) {
  while (!value.empty()) {
    const std::size_t end = std::min(value.find_first_of(" \t"), value.size());
    if (lower_case(value.substr(0, end)) == wanted) return true;
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return false;
}

}  // namespace

std::optional<std::string> next_link(std::string_view header) {
  std::size_t at = 0;
  const auto skip = [&](auto&& wanted) {
    while (at < header.size() && wanted(header[at])) ++at;
  };
  while (at < header.size()) {
    skip([](char c) { return is_blank(c) || c == ','; });
    if (at >= header.size() || header[at] != '<') return std::nullopt;
    const std::size_t end = header.find('>', at);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view target = header.substr(at + 1, end - at - 1);
    at = end + 1;
    bool next = false, seen = false;
    // ;name=value, where a value may be quoted
    for (;;) {
      skip(is_blank);
      if (at >= header.size() || header[at] != ';') break;
      ++at;
      skip(is_blank);
      const std::size_t name_start = at;
      skip([](char c) { return c != '=' && c != ';' && c != ',' && !is_blank(c); });
      const std::string_view name = header.substr(name_start, at - name_start);
      skip(is_blank);
      if (at >= header.size() || header[at] != '=') continue;
      ++at;
      skip(is_blank);
      std::string value;
      if (at < header.size() && header[at] == '"') {
        for (++at; at < header.size() && header[at] != '"'; ++at) {
          if (header[at] == '\\' && at + 1 < header.size()) ++at;
          value += header[at];
        }
        at = std::min(at + 1, header.size());
      } else {
        const std::size_t value_start = at;
        skip([](char c) { return c != ';' && c != ',' && !is_blank(c); });
        value = header.substr(value_start, at - value_start);
      }
      // Of several only the first counts.
      if (!seen && lower_case(name) == "rel") {
        seen = true;
        next = has_relation(value, "next");
      }
    }
    if (next) return std::string(target);
    if (at < header.size() && header[at] != ',') return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace slipway
