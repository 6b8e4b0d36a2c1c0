#include <frontend/calls/columns.hpp>

#include <ir/printable.hpp>

#include <algorithm>

namespace slipway {
namespace {

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

std::string columns(const std::vector<std::vector<std::string>>& rows, std::size_t padding) {
  std::vector<std::vector<std::string>> cells;
  std::vector<std::size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    std::vector<std::string>& shown = cells.emplace_back();
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      shown.push_back(printable(row[i]));
      if (i + 1 < row.size()) widths[i] = std::max(widths[i], width_of(shown[i]));
    }
  }
  std::string text;
  for (const std::vector<std::string>& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] + padding - width_of(row[i]), ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace slipway
