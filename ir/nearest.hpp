// "Did you mean ...?": the valid word that a wrong one is nearest to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// The member of `candidates` that `word` was probably meant as: the one with the fewest edits (a
// letter more, less or other, two neighbours swapped; capitals do not count), if they are few for
// the word's length; else the only one that begins with the word. Of several that are as near, one
// with the same first letter, else the first. Empty where none is near. Takes time proportional to
// the number of candidates, however long they are.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// A hint: `did you mean "NEAREST"?`, with `prefix` before the word; else `otherwise`.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                         std::string otherwise = {}, std::string_view prefix = {});

}  // namespace slipway
