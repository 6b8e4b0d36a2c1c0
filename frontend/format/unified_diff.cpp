#include <frontend/format/format.hpp>

#include <algorithm>

namespace slipway {
namespace {

using Texts = std::vector<std::string_view>;

// With their line breaks; the last may have none.
Texts lines_of(std::string_view text) {
  Texts lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// A line of the diff: ' ', '-' or '+'.
struct Line {
  char sign;
  std::string_view text;
};

void add(const Texts& lines, std::size_t begin, std::size_t end, char sign, std::vector<Line>& to) {
  for (std::size_t i = begin; i < end; ++i) to.push_back({sign, lines[i]});
}

// What is the same at both ends of a piece is no change.
void compare(std::string_view before, std::string_view after, std::vector<Line>& to) {
  const Texts old_lines = lines_of(before);
  const Texts new_lines = lines_of(after);
  const auto [old_end, new_end] =
      std::mismatch(old_lines.begin(), old_lines.end(), new_lines.begin(), new_lines.end());
  const auto prefix = static_cast<std::size_t>(old_end - old_lines.begin());
  std::size_t suffix = 0;
  while (suffix < std::min(old_lines.size(), new_lines.size()) - prefix &&
         old_lines[old_lines.size() - suffix - 1] == new_lines[new_lines.size() - suffix - 1]) {
    ++suffix;
  }
  add(old_lines, 0, prefix, ' ', to);
  add(old_lines, prefix, old_lines.size() - suffix, '-', to);
  add(new_lines, prefix, new_lines.size() - suffix, '+', to);
  add(old_lines, old_lines.size() - suffix, old_lines.size(), ' ', to);
}

// "3,2": line and number of lines, as diff writes them.
std::string range(std::size_t before, std::size_t count) {
  if (count == 1) return std::to_string(before + 1);
  return std::to_string(count == 0 ? before : before + 1) + "," + std::to_string(count);
}

}  // namespace

std::string unified_diff(const SourceFile& before, const FormattedDockerfile& after) {
  constexpr std::size_t context = 3;
  if (before.text == after.text) return {};
  const std::string_view old_text = before.text;
  const std::string_view new_text = after.text;
  std::vector<Line> lines;
  for (std::size_t i = 0; i < after.pieces.size(); ++i) {
    const auto& [old_begin, new_begin] = after.pieces[i];
    const bool last = i + 1 == after.pieces.size();
    const std::size_t old_end = last ? old_text.size() : after.pieces[i + 1].before;
    const std::size_t new_end = last ? new_text.size() : after.pieces[i + 1].after;
    compare(old_text.substr(old_begin, old_end - old_begin),
            new_text.substr(new_begin, new_end - new_begin), lines);
  }

  std::string diff = "--- " + before.name + "\n+++ " + before.name + "\n";
  const auto changed = [](const Line& line) { return line.sign != ' '; };
  std::size_t old_line = 0;  // lines of either side before `at`
  std::size_t new_line = 0;
  std::size_t at = 0;
  while (true) {
    const auto next =
        std::find_if(lines.begin() + static_cast<std::ptrdiff_t>(at), lines.end(), changed);
    if (next == lines.end()) return diff;
    const auto first = static_cast<std::size_t>(next - lines.begin());
    const std::size_t begin = std::max(at, first - std::min(context, first));
    old_line += begin - at;
    new_line += begin - at;
    // Changes with no more than twice the context between them share it.
    std::size_t end = first;
    for (std::size_t i = first; i < lines.size() && i <= end + 2 * context; ++i) {
      if (changed(lines[i])) end = i + 1;
    }
    end = std::min(end + context, lines.size());

    std::string text;
    std::size_t old_count = 0;
    std::size_t new_count = 0;
    for (std::size_t i = begin; i < end; ++i) {
      text += lines[i].sign;
      text += lines[i].text;
      if (!lines[i].text.ends_with('\n')) text += "\n\\ No newline at end of file\n";
      old_count += lines[i].sign != '+' ? 1 : 0;
      new_count += lines[i].sign != '-' ? 1 : 0;
    }
    diff +=
        "@@ -" + range(old_line, old_count) + " +" + range(new_line, new_count) + " @@\n" + text;
    old_line += old_count;
    new_line += new_count;
    at = end;
  }
}

}  // namespace slipway
