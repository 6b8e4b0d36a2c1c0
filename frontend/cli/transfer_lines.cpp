#include "transfer_lines.hpp"

#include "print.hpp"
#include "table.hpp"

#include <ir/printable.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr auto between_pictures = 100ms;
constexpr auto between_lines = 10s;
constexpr auto rate_window = 2s;
constexpr std::size_t bar_width = 30;

winsize terminal_size() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
    size = {.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  return size;
}

// "[=====>     ]"
std::string bar(std::uint64_t bytes, std::uint64_t size) {
  const double part = size == 0 ? 1.0 : static_cast<double>(bytes) / static_cast<double>(size);
  const auto filled =
      static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * static_cast<double>(bar_width));
  std::string text = "[" + std::string(filled, '=');
  if (filled < bar_width) text += ">" + std::string(bar_width - filled - 1, ' ');
  return text + "]";
}

}  // namespace

std::string rate_text(std::uint64_t bytes, std::chrono::nanoseconds time) {
  const double seconds = static_cast<double>(time.count()) / 1e9;
  if (seconds <= 0 || bytes == 0) return {};
  return size_text(static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds)) + "/s";
}

TransferLines::Shown TransferLines::by_stderr(bool quiet) {
  if (quiet) return Shown::nothing;
  const char* const kind = std::getenv("TERM");
  const bool terminal =
      ::isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
  return terminal ? Shown::terminal : Shown::lines;
}

TransferLines::TransferLines(Shown shown, std::string moving, bool each)
    : shown_(shown), moving_(std::move(moving)), each_(each) {}

TransferLines::~TransferLines() {
  draw(true);
}

void TransferLines::end() {
  draw(true);
  lines_.clear();
}

void TransferLines::say(const std::string& text) {
  end();
  if (shown_ != Shown::nothing) std::fputs((printable(text) + "\n").c_str(), stderr);
}

std::size_t TransferLines::add(const BlobDescriptor& blob, const std::string& state) {
  Line line;
  line.id = short_id(blob.digest);
  line.state = state;
  line.size = blob.size;
  line.told = Clock::now();
  lines_.push_back(std::move(line));
  draw(false);
  return lines_.size() - 1;
}

void TransferLines::resumed(std::size_t place, std::uint64_t bytes) {
  Line& line = lines_.at(place);
  line.bytes = line.since_bytes = line.next_bytes = bytes;
  line.since = line.next_since = Clock::now();
  line.moving = true;
  draw(false);
}

void TransferLines::moved(std::size_t place, std::uint64_t bytes) {
  Line& line = lines_.at(place);
  const Clock::time_point now = Clock::now();
  if (!line.moving) {
    line.moving = true;
    line.since = line.next_since = now;
  }
  line.bytes = bytes;
  if (now - line.next_since > rate_window) {
    line.since = std::exchange(line.next_since, now);
    line.since_bytes = std::exchange(line.next_bytes, bytes);
  }
  if (shown_ == Shown::lines && now - line.told > between_lines) {
    line.told = now;
    std::fputs((line.id + ": " + moving_ + " " + amounts(line, now) + "\n").c_str(), stderr);
  }
  draw(false);
}

void TransferLines::ended(std::size_t place, const std::string& state) {
  Line& line = lines_.at(place);
  line.state = state;
  line.ended = true;
  if (shown_ == Shown::lines && each_) std::fputs((line.id + ": " + state + "\n").c_str(), stderr);
  draw(false);
}

// "12.3MB/45.6MB  31.2MB/s"
std::string TransferLines::amounts(const Line& line, Clock::time_point now) const {
  std::string text = size_text(line.bytes) + "/" + size_text(line.size);
  const std::string rate = line.bytes > line.since_bytes
                               ? rate_text(line.bytes - line.since_bytes, now - line.since)
                               : "";
  return rate.empty() ? text : text + "  " + rate;
}

std::string TransferLines::row(const Line& line, Clock::time_point now, std::size_t columns) const {
  std::string text = line.id + ": ";
  if (line.ended || !line.moving) {
    text += line.state;
  } else {
    const std::string much = amounts(line, now);
    text += moving_ + " ";
    if (text.size() + bar_width + 4 + much.size() < columns)
      text += bar(line.bytes, line.size) + "  ";
    text += much;
  }
  if (text.size() >= columns) text.resize(columns - 1);
  return text;
}

void TransferLines::draw(bool last) {
  if (shown_ != Shown::terminal || (lines_.empty() && drawn_rows_ == 0)) return;
  const Clock::time_point now = Clock::now();
  if (!last && now - drawn_ < between_pictures) return;
  drawn_ = now;
  const winsize terminal = terminal_size();
  const std::size_t room = terminal.ws_row > 2 ? terminal.ws_row - 1U : 1;
  // A picture taller than the terminal could not be drawn over: what is done is left out of it,
  // until the end, when it may scroll.
  const bool all = last || lines_.size() <= room;
  std::string frame;
  std::size_t rows = 0;
  if (drawn_rows_ > 0) frame += "\x1b[" + std::to_string(drawn_rows_) + "A";
  frame += last ? "\r" : "\r\x1b[?25l";
  for (const Line& line : lines_) {
    if (!all && (line.ended || rows == room)) continue;
    frame += "\x1b[2K" + row(line, now, terminal.ws_col) + "\n";
    ++rows;
  }
  frame += "\x1b[J";
  if (last) frame += "\x1b[?25h";
  ShowCursorOnSignal::hidden(!last);
  drawn_rows_ = last ? 0 : rows;
  std::fwrite(frame.data(), 1, frame.size(), stderr);
  std::fflush(stderr);
}

}  // namespace slipway
