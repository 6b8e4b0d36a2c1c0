#include <frontend/calls/calls.hpp>
#include <frontend/calls/columns.hpp>
#include <frontend/calls/described.hpp>
#include <ir/printable.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace slipway {
namespace {

// An instruction may have any number of lines, and each of its findings shows them.
constexpr std::uint32_t most_lines = 30;
constexpr std::size_t longest_line = 500;
constexpr const char* ruler = "--------------------\n";

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// A source's line: tabs keep its shape.
std::string shown(std::string_view line) {
  std::string text = printable(line.substr(0, longest_line));
  for (std::size_t i = 0; i < text.size() && text.size() == std::min(line.size(), longest_line);
       ++i)
    if (line[i] == '\t') text[i] = '\t';
  return line.size() > longest_line ? text + "..." : text;
}

// The lines of the place between a few others, marked, as BuildKit quotes a source.
std::string excerpt(const std::string& name, const std::vector<std::string_view>& lines,
                    const SourceSpan& place) {
  const auto count = static_cast<std::uint32_t>(lines.size());
  if (place.line < 1 || place.line > count) return {};
  std::uint32_t begin = place.line;
  std::uint32_t end = std::min(std::max(place.end_line, place.line), count);
  const int most = begin == end ? 4 : 2;
  for (int taken = 0; taken < most; ++taken) {
    if (begin > 1) --begin, ++taken;
    if (end != count) ++end, ++taken;
  }
  std::string text = printable(name) + ":" + std::to_string(place.line) + "\n" + ruler;
  for (std::uint32_t line = begin; line <= end; ++line) {
    if (line - begin == most_lines) {
      text += "     | ... and " + std::to_string(end - line + 1) + " more lines\n";
      break;
    }
    const bool marked = line >= place.line && line <= place.end_line;
    char number[32];
    std::snprintf(number, sizeof number, " %3u | %s ", line, marked ? ">>>" : "   ");
    text += number + shown(lines[line - 1]) + "\n";
  }
  return text + ruler;
}

}  // namespace

std::string check_text(const Checked& checked, const SourceFile& file) {
  const std::size_t count = checked.findings.size();
  if (count == 0) return checked.mistakes.empty() ? "Check complete, no warnings found.\n" : "";
  std::string text = "Check complete, " +
                     (count == 1 ? "1 warning has" : std::to_string(count) + " warnings have") +
                     " been found!\n";
  const std::vector<std::string_view> lines = lines_of(file.text);
  for (const Finding& finding : checked.findings) {
    text += "\nWARNING: " + std::string(finding.rule->name);
    if (const std::string page = check_page(*finding.rule); !page.empty()) text += " - " + page;
    text += "\n" + printable(finding.message) + "\n" + excerpt(file.name, lines, finding.lines);
    if (!finding.hint.empty()) text += "hint: " + printable(finding.hint) + "\n";
  }
  return text;
}

std::string targets_text(const Dockerfile& dockerfile) {
  std::vector<std::vector<std::string>> rows = {{"TARGET", "DESCRIPTION"}};
  for (const Target& target : targets_of(dockerfile)) {
    std::string name = target.name;
    if (target.is_default) name += name.empty() ? "(default)" : " (default)";
    rows.push_back({std::move(name), target.description});
  }
  return columns(rows, 1);
}

std::string outline_text(const Outline& outline) {
  std::string text;
  if (!outline.name.empty() || !outline.description.empty()) {
    std::vector<std::vector<std::string>> rows = {{"TARGET:", outline.name}};
    if (!outline.description.empty()) rows.push_back({"DESCRIPTION:", outline.description});
    text += columns(rows, 1) + "\n";
  }
  if (!outline.args.empty()) {
    std::vector<std::vector<std::string>> rows = {{"BUILD ARG", "VALUE", "DESCRIPTION"}};
    for (const Outline::Argument& arg : outline.args)
      rows.push_back({arg.name, arg.value, arg.description});
    text += columns(rows, 3) + "\n";
  }
  const auto needs = [&](const char* heading, const std::vector<Outline::Need>& list) {
    if (list.empty()) return;
    std::vector<std::vector<std::string>> rows = {{heading, "REQUIRED"}};
    for (const Outline::Need& need : list) rows.push_back({need.name, need.required ? "true" : ""});
    text += columns(rows, 3) + "\n";
  };
  needs("SECRET", outline.secrets);
  needs("SSH", outline.ssh);
  if (!outline.caches.empty()) {
    std::vector<std::vector<std::string>> rows = {{"CACHE MOUNT"}};
    for (const Outline::Need& cache : outline.caches) rows.push_back({cache.name});
    text += columns(rows, 3) + "\n";
  }
  return text;
}

std::string describe_text() {
  std::vector<std::vector<std::string>> rows = {{"NAME", "VERSION", "DESCRIPTION"}};
  for (const DescribedCall& call : described_calls())
    rows.push_back(
        {std::string(call.name), std::string(call.version), std::string(call.description)});
  return columns(rows, 1);
}

}  // namespace slipway
