// The words for what changed in a selection.
#include <executor/files/file_list.hpp>

#include <ir/error.hpp>

#include <algorithm>

namespace slipway {
namespace {

constexpr std::size_t most_names = 10;
constexpr std::size_t longest_name = 100;

// A name as one line can show it: what a terminal would act on is quoted, what is too long loses
// its middle.
std::string shown(std::string_view path, bool directory) {
  std::string text = quoted(path);
  if (text.size() == path.size() + 2 && text.find(';') == std::string::npos)
    text = std::string(path);
  if (directory && !text.ends_with('/')) text += '/';
  if (text.size() > longest_name) {
    std::size_t front = longest_name / 3;
    std::size_t back = text.size() - (longest_name - front);
    const auto inside = [&](std::size_t at) {
      return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
    };
    while (front > 0 && inside(front)) --front;
    while (back < text.size() && inside(back)) ++back;
    text = text.substr(0, front) + "..." + text.substr(back);
  }
  return text;
}

std::string count_of(std::uint64_t files) {
  return grouped(files) + (files == 1 ? " file" : " files");
}

std::string describe(const FileChange& change) {
  std::string text = shown(change.path, change.directory) + ": ";
  for (std::size_t i = 0; i < change.what.size(); ++i)
    text += (i == 0 ? "" : ", ") + change.what[i];
  std::string detail = change.detail;
  if (change.what.front() == "renamed")
    detail = "was " + shown(detail, change.directory);
  else if (detail.size() > longest_name || shown(detail, false) != detail)
    detail.clear();
  if (change.files > 0) detail += (detail.empty() ? "" : ", ") + count_of(change.files);
  return detail.empty() ? text : text + " (" + detail + ")";
}

}  // namespace

std::string describe(const FileChanges& changes) {
  if (!changes.all.empty() && changes.count > 1)
    return "all " + count_of(changes.files) + ": " + changes.all;
  std::string line;
  const std::size_t named = std::min(changes.first.size(), most_names);
  for (std::size_t i = 0; i < named; ++i) line += (i == 0 ? "" : "; ") + describe(changes.first[i]);
  if (changes.count > named) line += "; and " + grouped(changes.count - named) + " more";
  return line;
}

std::string grouped(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace slipway
