// --progress=tty: a picture drawn anew in place, at most ten times a second.
#include "display.hpp"
#include "signals.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

namespace slipway {
namespace {

// Lines of output shown below a running step.
constexpr std::size_t output_lines = 6;

struct Terminal {
  std::size_t rows = 24;
  std::size_t columns = 80;

  static Terminal current() {
    winsize size{};
    Terminal terminal;
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
      terminal.rows = size.ws_row;
      terminal.columns = size.ws_col;
    }
    return terminal;
  }
};

// A process's output reaches the terminal without what could move the cursor or worse: escape
// sequences and control characters are dropped, a carriage return starts the line anew.
std::string harmless(std::string_view text) {
  if (const auto carriage = text.rfind('\r', text.empty() ? 0 : text.size() - 2);
      carriage != std::string_view::npos && carriage + 1 < text.size()) {
    text.remove_prefix(carriage + 1);
  }
  std::string clean;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == 0x1b) {
      // CSI ... final byte; anything else is two characters.
      if (i + 1 < text.size() && text[i + 1] == '[') {
        i += 2;
        while (i < text.size() && (text[i] < '@' || text[i] > '~')) ++i;
      } else {
        ++i;
      }
    } else if (c == '\t') {
      clean += "  ";
    } else if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      ++i;  // U+0080 to U+009F: the same controls once more, CSI among them
    } else if (c >= 0x20 && c != 0x7f) {
      clean += static_cast<char>(c);
    }
  }
  return clean;
}

// Cut to `width` columns, counting a UTF-8 sequence as one.
std::string cut(std::string_view text, std::size_t width) {
  std::size_t columns = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if ((static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) continue;
    if (++columns > width) break;
  }
  return std::string(text.substr(0, end));
}

class TtyDisplay : public Display {
 public:
  TtyDisplay(const Graph& graph, bool color) : graph_(graph), color_(color) {
    for (std::uint32_t i = 0; i < graph.size(); ++i) total_ += is_shown(graph[VertexId{i}]) ? 1 : 0;
  }
  ~TtyDisplay() override { show_cursor(); }

  void started(VertexId id) override {
    if (is_shown(graph_[id])) line_of(id).running = true;
  }

  void output(VertexId id, OutputStream, std::string_view text) override {
    Line& line = line_of(id);
    line.partial += text;
    std::size_t from = 0;
    for (std::size_t end; (end = line.partial.find('\n', from)) != std::string::npos;
         from = end + 1) {
      line.tail.push_back(harmless(std::string_view(line.partial).substr(from, end - from)));
      if (line.tail.size() > output_lines) line.tail.pop_front();
    }
    line.partial.erase(0, from);
    if (line.partial.size() > 4096) line.partial.erase(0, line.partial.size() - 4096);
  }

  void working(VertexId id, const WorkFigures& work, std::int64_t elapsed) override {
    if (!is_shown(graph_[id])) return;
    line_of(id).tail = {work_text(work, elapsed)};
  }

  void finished(const VertexReport& report) override {
    if (!is_shown(graph_[report.vertex])) return;
    Line& line = line_of(report.vertex);
    line.running = false;
    line.outcome = report.outcome;
    line.took = report.ended - report.started;
    ++finished_;
  }

  void began(std::string_view name, std::string_view how_to_end) override {
    Line line;
    line.name = std::string(name);
    line.running = true;
    line.tail.emplace_back(how_to_end);
    lines_.push_back(line);
    has_begun_ = true;
    drawn_ = {};
    tick();
  }

  void going(std::string_view text) override {
    if (!has_begun_) return;
    std::deque<std::string>& tail = lines_.back().tail;
    if (tail.size() > 1) tail.pop_front();  // what was said before; how to end it stays
    tail.push_front(std::string(text));
    tick();
  }

  void note(std::string_view name, const std::vector<std::string>& lines) override {
    if (has_begun_) lines_.pop_back();
    has_begun_ = false;
    Line line;
    line.name = std::string(name);
    lines_.push_back(line);
    for (const std::string& text : lines) {
      Line child;
      child.name = "=> " + text;
      lines_.push_back(child);
    }
  }

  void tick() override {
    const auto now = Clock::now();
    if (now - drawn_ < std::chrono::milliseconds(90)) return;
    drawn_ = now;
    draw(false);
  }

  void close() override {
    draw(true);
    show_cursor();
  }

 private:
  using Clock = std::chrono::steady_clock;

  struct Line {
    std::string name;
    Clock::time_point began = Clock::now();
    bool running = false;
    VertexReport::Outcome outcome = VertexReport::Outcome::local;
    std::int64_t took = 0;
    std::deque<std::string> tail;
    std::string partial;
  };

  Line& line_of(VertexId id) {
    const auto [found, fresh] = positions_.try_emplace(index_of(id), lines_.size());
    if (fresh) {
      lines_.emplace_back();
      lines_.back().name = graph_[id].name;
    }
    return lines_[found->second];
  }

  std::string paint(const char* code, const std::string& text) const {
    return color_ ? "\x1b[" + std::string(code) + "m" + text + "\x1b[0m" : text;
  }

  std::string row(const Line& line, std::size_t columns) const {
    std::string time;
    if (line.running) {
      time = seconds_text(std::chrono::nanoseconds(Clock::now() - line.began).count());
    } else if (line.took > 0) {
      time = seconds_text(line.took);
    }
    std::string head = " => ";
    if (line.outcome == VertexReport::Outcome::hit) head += "CACHED ";
    if (line.outcome == VertexReport::Outcome::failed) head += "ERROR ";
    if (line.outcome == VertexReport::Outcome::cancelled) head += "CANCELED ";
    const std::size_t width = columns > time.size() + 1 ? columns - time.size() - 1 : 1;
    // A blank at least between the name and the time.
    std::string text = cut(head + harmless(line.name), width > 1 ? width - 1 : 1);
    text += std::string(width > text.size() ? width - text.size() : 1, ' ') + time;
    if (line.outcome == VertexReport::Outcome::failed) return paint("31", text);
    if (line.running) return text;
    return paint("34", text);
  }

  void draw(bool last) {
    const Terminal terminal = Terminal::current();
    std::vector<std::string> rows;
    for (const Line& line : lines_) {
      rows.push_back(row(line, terminal.columns));
      if (!line.running || last) continue;
      for (const std::string& text : line.tail) {
        rows.push_back(paint("2", cut(" => => " + text, terminal.columns - 1)));
      }
    }
    std::string frame;
    // Over what was drawn before: up, then each line is cleared and written.
    if (drawn_rows_ > 0) frame += "\x1b[" + std::to_string(drawn_rows_) + "A";
    ShowCursorOnSignal::hidden(true);
    frame += "\r\x1b[?25l";
    const std::string title =
        "[+] Building " +
        seconds_text(std::chrono::nanoseconds(Clock::now() - began_).count()) + " (" +
        std::to_string(finished_) + "/" + std::to_string(total_) + ")" +
        (last ? (finished_ == total_ ? " FINISHED" : "") : "");
    frame += "\x1b[2K" + paint("34", title) + "\n";
    // A picture taller than the terminal could not be drawn over: its top is left out, until the
    // end, when it may scroll.
    const std::size_t room = terminal.rows > 2 ? terminal.rows - 2 : 1;
    const std::size_t from = !last && rows.size() > room ? rows.size() - room : 0;
    for (std::size_t i = from; i < rows.size(); ++i) frame += "\x1b[2K" + rows[i] + "\n";
    frame += "\x1b[J";
    drawn_rows_ = rows.size() - from + 1;
    std::fwrite(frame.data(), 1, frame.size(), stderr);
    std::fflush(stderr);
  }

  static void show_cursor() {
    std::fputs("\x1b[?25h", stderr);
    std::fflush(stderr);
    ShowCursorOnSignal::hidden(false);
  }

  const Graph& graph_;
  const bool color_;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point drawn_{};
  std::vector<Line> lines_;
  std::unordered_map<std::size_t, std::size_t> positions_;  // vertex to line
  bool has_begun_ = false;                                  // the last line is that of began()
  const ShowCursorOnSignal on_signal_;
  std::size_t drawn_rows_ = 0;
  std::size_t total_ = 0;
  std::size_t finished_ = 0;
};

}  // namespace

std::unique_ptr<Display> make_tty_display(const Graph& graph, bool color) {
  return std::make_unique<TtyDisplay>(graph, color);
}

}  // namespace slipway
