#include <ir/nearest.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace slipway {
namespace {

// Words of a language and names that people choose are shorter.
constexpr std::size_t longest_word = 64;

// How many edits make another word of it.
std::size_t most_edits(std::size_t length) {
  return length < 2 ? 0 : length < 5 ? 1 : length < 9 ? 2 : 3;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The edits between two words, at most `most` + 1: rows of the usual table (optimal string
// alignment), as wide as `b`, until no way through a row is short enough any more.
std::size_t edits(std::string_view a, std::string_view b, std::size_t most) {
  using Row = std::array<std::size_t, longest_word + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    std::size_t least = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      least = std::min(least, row[j]);
    }
    if (least > most) return most + 1;
    before_last = last;
    last = row;
  }
  return std::min(last[b.size()], most + 1);
}

bool begins_with(std::string_view text, std::string_view beginning) {
  return text.size() >= beginning.size() &&
         std::equal(beginning.begin(), beginning.end(), text.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

// The only one that goes on where the word ends.
std::string completed(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t shortest = 3;
  if (word.size() < shortest) return {};
  const std::string* found = nullptr;
  for (const std::string& candidate : candidates) {
    if (!begins_with(candidate, word)) continue;
    if (found != nullptr) return {};
    found = &candidate;
  }
  return found == nullptr ? std::string() : *found;
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() > longest_word) return {};
  const std::size_t most = most_edits(word.size());
  const std::string* best = nullptr;
  std::pair<std::size_t, bool> best_rank;  // edits, and whether the first letter is another one
  for (const std::string& candidate : candidates) {
    const std::size_t size = candidate.size();
    if (size == 0 || size > longest_word || size > word.size() + most || word.size() > size + most)
      continue;
    const std::size_t count = edits(word, candidate, most);
    // When all letters are other ones, nothing is left of the word.
    if (count > most || count >= size) continue;
    const std::pair rank(count, lower(word[0]) != lower(candidate[0]));
    if (best != nullptr && best_rank <= rank) continue;
    best = &candidate;
    best_rank = rank;
  }
  return best == nullptr ? completed(word, candidates) : *best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                         std::string otherwise, std::string_view prefix) {
  const std::string near = nearest(word, candidates);
  if (near.empty()) return otherwise;
  return "did you mean " + quoted(std::string(prefix) + near) + "?";
}

}  // namespace slipway
