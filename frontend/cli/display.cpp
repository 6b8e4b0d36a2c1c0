#include "command.hpp"
#include "display.hpp"

#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace slipway {
namespace {

class QuietDisplay : public Display {
 public:
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
  const bool terminal = ::isatty(STDERR_FILENO) == 1 &&
                        (kind == nullptr || std::string_view(kind) != "dumb");
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

std::string seconds_text(std::int64_t nanoseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", static_cast<double>(nanoseconds) / 1e9);
  return text;
}

}  // namespace slipway
