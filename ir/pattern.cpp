#include <ir/pattern.hpp>

#include <ir/pattern_steps.hpp>

namespace slipway {

bool match_path(std::string_view pattern, std::string_view path) {
  const PatternSteps steps = compile(pattern, false);
  // As Go's Match: when something does not fit, the last star takes one byte more. An earlier star
  // never takes more, so a set that takes a '/' behind a star can be missed; Go misses it as well.
  std::size_t step = 0;
  std::string_view rest = path;
  std::size_t star = steps.size();
  std::string_view star_rest;
  for (;;) {
    if (step == steps.size() && rest.empty()) return true;
    if (step < steps.size() && steps[step].kind == PatternStep::Kind::star) {
      star = step++;
      star_rest = rest;
      continue;
    }
    if (step < steps.size() && !rest.empty()) {
      std::string_view after = rest;
      if (takes(steps[step], next_code_point(after))) {
        rest = after;
        ++step;
        continue;
      }
    }
    if (star == steps.size() || star_rest.empty() || star_rest.front() == '/') return false;
    star_rest.remove_prefix(1);
    rest = star_rest;
    step = star + 1;
  }
}

bool has_wildcards(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '[') return true;
    if (pattern[i] == '\\') ++i;
  }
  return false;
}

}  // namespace slipway
