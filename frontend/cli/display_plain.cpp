// --progress=plain: BuildKit's line shapes, which people's log tools know.
#include "display.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <unordered_map>

namespace slipway {
namespace {

class PlainDisplay : public Display {
 public:
  explicit PlainDisplay(const Graph& graph) : graph_(graph) {}

  void started(VertexId id) override {
    if (is_shown(graph_[id])) header(id);
  }

  void output(VertexId id, OutputStream, std::string_view text) override {
    Shown& shown = header(id);
    const double seconds = std::chrono::duration<double>(Clock::now() - shown.began).count();
    shown.partial += text;
    std::size_t from = 0;
    for (std::size_t end; (end = shown.partial.find('\n', from)) != std::string::npos;
         from = end + 1) {
      line(shown, seconds, std::string_view(shown.partial).substr(from, end - from));
    }
    shown.partial.erase(0, from);
    // A line that never ends must not be kept for ever.
    if (shown.partial.size() > longest_partial) flush_partial(shown, seconds);
    write_lines();
  }

  void working(VertexId id, const WorkFigures& work, std::int64_t elapsed) override {
    if (!is_shown(graph_[id])) return;
    Shown& shown = header(id);
    // A line a second; ten would drown the log of a long build.
    if (shown.worked && Clock::now() - *shown.worked < std::chrono::seconds(1)) return;
    shown.worked = Clock::now();
    print("#" + std::to_string(shown.number) + " " + work_text(work, elapsed) + "\n");
  }

  void finished(const VertexReport& report) override {
    if (!is_shown(graph_[report.vertex])) return;
    Shown& shown = header(report.vertex);
    if (shown.worked && report.outcome == VertexReport::Outcome::ran &&
        report.work.kind == WorkFigures::Kind::copying)
      print("#" + std::to_string(shown.number) + " " +
            work_text(report.work, report.ended - report.started) + " done\n");
    const double seconds = static_cast<double>(report.ended - report.started) / 1e9;
    flush_partial(shown, seconds);
    write_lines();
    switch (report.outcome) {
      case VertexReport::Outcome::hit:
        print("#" + std::to_string(shown.number) + " CACHED\n");
        break;
      case VertexReport::Outcome::ran:
      case VertexReport::Outcome::local:
        print("#" + std::to_string(shown.number) + " DONE " +
              seconds_text(report.ended - report.started) + "\n");
        break;
      case VertexReport::Outcome::failed:
        print("#" + std::to_string(shown.number) + " ERROR\n");
        break;
      case VertexReport::Outcome::cancelled:
        print("#" + std::to_string(shown.number) + " CANCELED\n");
        break;
    }
    last_ = std::nullopt;
  }

  void began(std::string_view name, std::string_view) override {
    ++count_;
    print((count_ > 1 ? "\n#" : "#") + std::to_string(count_) + " " + std::string(name) + "\n");
    has_begun_ = true;
    told_ = Clock::now();
  }

  // A line a second.
  void going(std::string_view text) override {
    if (!has_begun_ || Clock::now() - told_ < std::chrono::seconds(1)) return;
    told_ = Clock::now();
    print("#" + std::to_string(count_) + " " + std::string(text) + "\n");
  }

  void note(std::string_view name, const std::vector<std::string>& lines) override {
    if (!has_begun_) began(name, {});
    has_begun_ = false;
    const std::string number = "#" + std::to_string(count_);
    for (const std::string& text : lines) print(number + " " + text + "\n");
    print(number + " DONE\n");
    last_ = std::nullopt;
  }

  void close() override {}

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t longest_partial = 64U << 10U;

  struct Shown {
    std::uint32_t number = 0;
    Clock::time_point began = Clock::now();
    std::string partial;  // of a line that has not ended yet
    std::optional<Clock::time_point> worked;  // when its work on files was told last
  };

  // Names the vertex if the line before belonged to another one.
  Shown& header(VertexId id) {
    auto [found, fresh] = shown_.try_emplace(index_of(id));
    Shown& shown = found->second;
    if (fresh) shown.number = ++count_;
    if (fresh || last_ != id) {
      print((any_ ? "\n#" : "#") + std::to_string(shown.number) + " " + graph_[id].name + "\n");
      any_ = true;
      last_ = id;
    }
    return shown;
  }

  static void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stderr); }

  void line(const Shown& shown, double seconds, std::string_view text) {
    char head[48];
    std::snprintf(head, sizeof head, "#%u %.3f ", shown.number, seconds);
    if (text.ends_with('\r')) text.remove_suffix(1);
    lines_ += head;
    lines_ += text;
    lines_ += '\n';
  }

  void write_lines() {
    print(lines_);
    lines_.clear();
  }

  void flush_partial(Shown& shown, double seconds) {
    if (!shown.partial.empty()) line(shown, seconds, shown.partial);
    shown.partial.clear();
  }

  const Graph& graph_;
  // Of one piece of output, written at once: stderr has no buffer, and a call for each line makes a
  // step that floods it ten times slower.
  std::string lines_;
  std::unordered_map<std::size_t, Shown> shown_;
  std::optional<VertexId> last_;  // the vertex the last line belonged to
  bool has_begun_ = false;        // the last number is that of began()
  Clock::time_point told_;        // when it was said how far that has got
  std::uint32_t count_ = 0;
  bool any_ = false;
};

}  // namespace

std::unique_ptr<Display> make_plain_display(const Graph& graph) {
  return std::make_unique<PlainDisplay>(graph);
}

}  // namespace slipway
