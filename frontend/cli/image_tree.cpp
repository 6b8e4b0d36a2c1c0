#include "image_tree.hpp"

#include "print.hpp"
#include "table.hpp"

#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace slipway {
namespace {

constexpr std::string_view untagged = "<untagged>";
constexpr std::size_t gap = 3;
constexpr std::size_t least_name = 12;  // a column that would leave less for names is left out

struct Column {
  const char* title;
  std::size_t width;
  bool right;
};
constexpr std::array<Column, 3> columns = {
    {{"ID", 12, false}, {"DISK USAGE", 10, true}, {"CONTENT SIZE", 12, true}}};

using Details = std::array<std::string, columns.size()>;

struct Child {
  std::string platform;
  Details details;
};

struct Top {
  std::vector<std::string> names;
  Details details;
  std::vector<Child> children;
};

std::vector<Image> images_of(const Digest& id, const ImageStore& images) {
  try {
    if (std::optional<StoredIndex> index = images.find_index(id)) return std::move(index->images);
    if (std::optional<Image> image = images.find(id)) return {std::move(*image)};
    return {};
  } catch (const Error&) {
    // It has lost a layer, as `inspect` says, and is listed with what its row has.
    return {};
  }
}

Top top_of(const ImageSummary& summary, const ImageStore& images) {
  Top top;
  for (const Reference& name : summary.names) top.names.push_back(name.familiar());
  std::sort(top.names.begin(), top.names.end());
  std::uint64_t content = 0;
  for (const Image& image : images_of(summary.id, images)) {
    const std::uint64_t own = images.blob_bytes(image.id);
    content += own;
    top.children.push_back({printable(image.config.platform.text()),
                            {short_id(image.id), size_text(image.size + own), size_text(own)}});
  }
  top.details = {short_id(summary.id), size_text(summary.size + content), size_text(content)};
  return top;
}

// Columns of the terminal; 0: there is none, and no limit.
std::size_t terminal_width() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) != 1 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col == 0 ? 0 : std::max<std::size_t>(size.ws_col, 20);
}

std::string filled(const std::string& text, std::size_t width, bool right) {
  const std::size_t own = width_of(text);
  const std::string fill(own < width ? width - own : 0, ' ');
  return right ? fill + text : text + fill;
}

std::string details_text(const Details& details, std::size_t shown) {
  std::string text;
  for (std::size_t i = 0; i < shown; ++i)
    text += std::string(gap, ' ') + filled(details[i], columns[i].width, columns[i].right);
  return text;
}

}  // namespace

std::string image_tree(const std::vector<ImageSummary>& summaries, const ImageStore& images) {
  std::vector<Top> tops;
  for (const ImageSummary& summary : summaries) tops.push_back(top_of(summary, images));
  std::stable_sort(tops.begin(), tops.end(), [](const Top& a, const Top& b) {
    if (a.names.empty() != b.names.empty()) return b.names.empty();
    return !a.names.empty() && a.names.front() < b.names.front();
  });

  std::size_t widest = std::string_view("IMAGE").size();
  for (Top& top : tops) {
    for (const std::string& name : top.names) widest = std::max(widest, width_of(name));
    if (top.names.empty()) widest = std::max(widest, untagged.size());
    for (const Child& child : top.children)
      widest = std::max(widest, width_of(child.platform) + gap);
  }
  std::size_t shown = columns.size();
  if (const std::size_t width = terminal_width(); width > 0) {
    std::size_t left = width;
    for (shown = 0; shown < columns.size(); ++shown) {
      if (left < columns[shown].width + gap + least_name) break;
      left -= columns[shown].width + gap;
    }
    widest = std::min(widest, left);
  }

  std::string text = filled("IMAGE", widest, false);
  Details titles;
  for (std::size_t i = 0; i < columns.size(); ++i) titles[i] = columns[i].title;
  text += details_text(titles, shown) + "\n";
  for (std::size_t i = 0; i < tops.size(); ++i) {
    const Top& top = tops[i];
    if (i > 0) text += "\n";
    const std::vector<std::string> names =
        top.names.empty() ? std::vector<std::string>{std::string(untagged)} : top.names;
    // A name that is too long for its column has a line of its own, and so have all but the last.
    for (std::size_t each = 0; each < names.size(); ++each) {
      text += filled(names[each], widest, false);
      const bool too_long = width_of(names[each]) > widest;
      if (each + 1 < names.size() || too_long) text += "\n";
      if (each + 1 == names.size() && too_long) text += std::string(widest, ' ');
    }
    text += details_text(top.details, shown) + "\n";
    for (const Child& child : top.children) {
      const bool last = &child == &top.children.back();
      text += filled((last ? "└─ " : "├─ ") + child.platform, widest, false) +
              details_text(child.details, shown) + "\n";
    }
  }
  return text;
}

}  // namespace slipway
