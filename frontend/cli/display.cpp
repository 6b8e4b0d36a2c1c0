#include "display.hpp"
#include "command.hpp"

#include <executor/files/file_list.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

namespace slipway {
namespace {

class QuietDisplay : public Display {
 public:
  void began(std::string_view, std::string_view) override {}
  void going(std::string_view) override {}
  void note(std::string_view, const std::vector<std::string>&) override {}
  void close() override {}
};

}  // namespace

ProgressMode parse_progress_mode(std::string_view text) {
  if (text == "auto" || text.empty()) return ProgressMode::auto_;
  if (text == "tty") return ProgressMode::tty;
  if (text == "plain") return ProgressMode::plain;
  if (text == "quiet" || text == "none") return ProgressMode::quiet;
  throw Error("--progress=" + quoted(text) + " is not known")
      .hint(did_you_mean(text, {"auto", "tty", "plain", "quiet"}, "auto, tty, plain or quiet"));
}

std::unique_ptr<Display> make_display(ProgressMode mode, const Graph& graph) {
  const char* const kind = std::getenv("TERM");
  // One that cannot move its cursor gets lines, as a file does.
  const bool terminal =
      ::isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
  if (mode == ProgressMode::auto_) mode = terminal ? ProgressMode::tty : ProgressMode::plain;
  if (mode == ProgressMode::tty && !terminal) mode = ProgressMode::plain;
  switch (mode) {
    case ProgressMode::quiet:
      return std::make_unique<QuietDisplay>();
    case ProgressMode::tty:
      return make_tty_display(graph, use_color());
    default:
      return make_plain_display(graph);
  }
}

bool is_shown(const Vertex& vertex) {
  return !vertex.name.empty() && !std::holds_alternative<Scratch>(vertex.operation) &&
         !std::holds_alternative<StackLayers>(vertex.operation);
}

namespace {

// As docker writes sizes: powers of a thousand, two digits behind the point.
std::string size_text(double bytes) {
  const char* const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  for (; bytes >= 1000 && unit + 1 < std::size(units); ++unit) bytes /= 1000;
  char text[48];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f%s" : "%.2f%s", bytes, units[unit]);
  return text;
}

}  // namespace

std::string work_text(const WorkFigures& work, std::int64_t elapsed) {
  const auto count = [](std::uint64_t n, const char* one, const char* many) {
    return grouped(n) + " " + (n == 1 ? one : many);
  };
  std::string text = "copying: ";
  if (work.kind == WorkFigures::Kind::reading) {
    text = "reading build context: " + count(work.names, "name", "names");
    if (work.files == 0) return text + " " + seconds_text(elapsed);
    text += ", ";
  }
  text += count(work.files, "file", "files") + ", " + size_text(static_cast<double>(work.bytes)) +
          " " + seconds_text(elapsed);
  const double seconds = static_cast<double>(elapsed) / 1e9;
  if (seconds <= 0) return text;
  return text + " (" + size_text(static_cast<double>(work.bytes) / seconds) + "/s)";
}

std::string seconds_text(std::int64_t nanoseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", static_cast<double>(nanoseconds) / 1e9);
  return text;
}

}  // namespace slipway
