// How patterns are matched. Internal to this folder; pattern.hpp is the face.
#pragma once

#include <ir/error.hpp>

#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// One step of a pattern. Both kinds of patterns, match_path's and the ignore rules', become such
// steps; what a step takes is code points, so that '?' is one character of any script.
struct PatternStep {
  enum class Kind {
    literal,        // `value`
    any,            // ?: one, but not '/'
    set,            // [a-z], [^a-z]
    star,           // *: any number, but no '/'
    everything,     // ** at the end: any number
    directories,    // **/ in front of more: nothing, or anything that ends in '/'
    in_directories  // the inside of `directories`, always the next step
  };
  Kind kind = Kind::literal;
  char32_t value = 0;
  bool negated = false;
  std::vector<std::pair<char32_t, char32_t>> ranges;
};
using PatternSteps = std::vector<PatternStep>;

// The character at the front, taken away. Stray bytes get numbers behind Unicode's last, so each
// equals only itself.
char32_t next_code_point(std::string_view& text);

// Whether the step takes the character.
bool takes(const PatternStep& step, char32_t c);

Error malformed(std::string_view pattern, const char* why);

// With `double_star`, ** has its meaning of ignore rules; without, it is two stars. Throws Error
// for what filepath.Match refuses.
PatternSteps compile(std::string_view pattern, bool double_star);

// All places a pattern can be in after the text so far: one flag per step, and one for its end.
// Linear in the text for a given pattern, whatever the two are.
class Places {
 public:
  explicit Places(const PatternSteps& steps);  // borrowed
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  void advance(std::string_view text);
  bool alive() const;
  bool at_end() const { return now_.back() != 0; }

 private:
  void advance(char32_t c);
  // Steps that may take nothing; they lead only forwards, so one pass sees all.
  void skip_empty(std::span<char> flags) const;

  const PatternSteps& steps_;
  std::array<char, 64> small_;
  std::array<char, 64> small_next_;
  std::vector<char> large_;
  std::span<char> now_;
  std::span<char> next_;
};

}  // namespace slipway
