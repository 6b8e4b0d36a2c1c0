#include <frontend/cache_directive.hpp>

#include <ir/error.hpp>
#include <ir/quantities.hpp>

#include <string>
#include <variant>

namespace slipway {
namespace {

constexpr std::string_view name = "cache:";
constexpr const char* forms = "write # cache: ttl=7d (units s, m, h, d, w), or # cache: never";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_step(const InstructionKind& kind) {
  return std::holds_alternative<Run>(kind) || std::holds_alternative<Copy>(kind) ||
         std::holds_alternative<Add>(kind);
}

}  // namespace

bool is_cache_rule(std::string_view comment) {
  comment = trimmed(comment.substr(1));
  if (!comment.starts_with(name)) return false;
  const std::string_view value = trimmed(comment.substr(name.size()));
  // "# cache: the packages come first" is prose, "# cache: ttl = 7d" a mistake.
  return value.find_first_of(" \t") == value.npos || value.starts_with("ttl") ||
         value.starts_with("never ");
}

std::optional<CacheRule> read_cache_rule(const Fragment& comment, const InstructionKind& kind,
                                         Report& report) {
  const std::string_view text = comment.text();
  const std::string_view value = trimmed(text.substr(text.find(name) + name.size()));
  constexpr std::string_view ttl = "ttl=";
  CacheRule rule;
  if (value == "never") {
    rule.never = true;
  } else if (value.starts_with(ttl)) {
    rule.ttl = read_age(value.substr(ttl.size()));
  }
  if (!rule.never && !rule.ttl) {
    report.warning(comment.span(), "the cache rule " + quoted(value) + " is not understood", forms);
    return std::nullopt;
  }
  if (!is_step(kind)) {
    report.warning(comment.span(), "a cache rule says nothing about this instruction",
                   "it belongs right above a RUN, COPY or ADD");
    return std::nullopt;
  }
  return rule;
}

}  // namespace slipway
