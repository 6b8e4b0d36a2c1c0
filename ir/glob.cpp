#include <ir/code_point.hpp>
#include <ir/error.hpp>
#include <ir/glob.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace slipway {
namespace {

constexpr std::size_t nowhere = SIZE_MAX;

struct Character {
  char32_t value;
  std::size_t length;  // bytes
};

// Stray bytes get numbers behind Unicode's last, so each equals only itself.
Character next_character(std::string_view text) {
  const CodePoint c = decode(text);
  return {c.valid ? c.value : 0x110000 + c.value, c.length};
}

// For every step, where the earliest match that has come to it began; one more for the end.
template <class Steps>
class Matches {
 public:
  explicit Matches(const Steps& steps)
      : steps_(steps), now_(steps.size() + 1, nowhere), next_(steps.size() + 1, nowhere) {}

  void begin(std::size_t at) {
    now_[0] = std::min(now_[0], at);
    skip_stars(now_);
  }

  void advance(char32_t c) {
    std::fill(next_.begin(), next_.end(), nowhere);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (now_[i] == nowhere) continue;
      const bool star = steps_[i].kind == Steps::value_type::Kind::star;
      const bool literal = steps_[i].kind == Steps::value_type::Kind::literal;
      if (literal ? c != steps_[i].value : c == '\n') continue;
      std::size_t& place = next_[star ? i : i + 1];
      place = std::min(place, now_[i]);
    }
    skip_stars(next_);
    std::swap(now_, next_);
  }

  // Forgets what began after `start`.
  void drop_after(std::size_t start) {
    for (std::size_t& place : now_)
      if (place > start) place = nowhere;
  }

  std::size_t ended() const { return now_.back(); }
  bool alive() const {
    return std::any_of(now_.begin(), now_.end(), [](std::size_t s) { return s != nowhere; });
  }

 private:
  void skip_stars(std::vector<std::size_t>& places) const {
    for (std::size_t i = 0; i < steps_.size(); ++i)
      if (steps_[i].kind == Steps::value_type::Kind::star)
        places[i + 1] = std::min(places[i + 1], places[i]);
  }

  const Steps& steps_;
  std::vector<std::size_t> now_;
  std::vector<std::size_t> next_;
};

}  // namespace

Glob::Glob(std::string_view pattern) {
  while (!pattern.empty()) {
    if (pattern.front() == '*' || pattern.front() == '?') {
      steps_.push_back({pattern.front() == '*' ? Step::Kind::star : Step::Kind::any, 0});
      pattern.remove_prefix(1);
      continue;
    }
    if (pattern.front() == '\\') {
      pattern.remove_prefix(1);
      constexpr std::string_view escapable = "*?\\}/";
      if (pattern.empty() || escapable.find(pattern.front()) == std::string_view::npos) {
        const std::string behind = pattern.empty()
                                       ? "nothing"
                                       : slipway::quoted(pattern.substr(0, decode(pattern).length));
        throw Error("pattern has a '\\' in front of " + behind)
            .hint("a '\\' may stand in front of '*', '?', '\\', '}' and '/'");
      }
    }
    const Character c = next_character(pattern);
    pattern.remove_prefix(c.length);
    steps_.push_back({Step::Kind::literal, c.value});
  }
}

Glob Glob::of_suffix(std::string_view pattern) {
  std::vector<std::string_view> parts;  // characters, each with the escape before it
  for (std::string_view rest = pattern; !rest.empty(); rest.remove_prefix(parts.back().size())) {
    const bool pair = rest.front() == '\\' && rest.size() > 1;
    parts.push_back(rest.substr(0, pair ? 1 + decode(rest.substr(1)).length : decode(rest).length));
  }
  std::string reversed;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) reversed += *part;
  Glob glob(reversed);
  std::reverse(glob.steps_.begin(), glob.steps_.end());
  return glob;
}

std::optional<std::size_t> Glob::prefix(std::string_view text, bool longest) const {
  Matches matches(steps_);
  matches.begin(0);
  std::optional<std::size_t> result;
  for (std::size_t at = 0;;) {
    if (matches.ended() == 0) {
      result = at;
      if (!longest) break;
    }
    if (at == text.size() || !matches.alive()) break;
    const Character c = next_character(text.substr(at));
    matches.advance(c.value);
    at += c.length;
  }
  return result;
}

std::optional<std::size_t> Glob::suffix(std::string_view text, bool longest) const {
  // Backwards, so that the first end that is found is that of the shortest.
  std::vector<Character> characters;
  for (std::size_t at = 0; at < text.size(); at += characters.back().length)
    characters.push_back(next_character(text.substr(at)));
  const std::vector<Step> reversed(steps_.rbegin(), steps_.rend());
  Matches matches(reversed);
  matches.begin(0);
  std::optional<std::size_t> result;
  std::size_t length = 0;
  for (std::size_t left = characters.size();; --left) {
    if (matches.ended() == 0) {
      result = length;
      if (!longest) break;
    }
    if (left == 0 || !matches.alive()) break;
    matches.advance(characters[left - 1].value);
    length += characters[left - 1].length;
  }
  return result;
}

std::optional<std::pair<std::size_t, std::size_t>> Glob::find(std::string_view text) const {
  Matches matches(steps_);
  std::optional<std::pair<std::size_t, std::size_t>> result;
  for (std::size_t at = 0;;) {
    if (!result) matches.begin(at);
    const std::size_t start = matches.ended();
    if (start != nowhere) result = {start, at - start};
    // What began there may go on, and what began before it may still come to its end.
    if (result) matches.drop_after(result->first);
    if (at == text.size() || (result && !matches.alive())) break;
    const Character c = next_character(text.substr(at));
    matches.advance(c.value);
    at += c.length;
  }
  return result;
}

}  // namespace slipway
