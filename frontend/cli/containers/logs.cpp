// slipway logs: what a container has printed.
#include "../command.hpp"

#include <cache/containers/store.hpp>
#include <cache/images/time.hpp>
#include <cache/store.hpp>
#include <executor/containers/log.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {
namespace {

constexpr std::int64_t second = 1'000'000'000;

struct Request {
  std::string name;
  bool follow = false;
  bool timestamps = false;
  bool details = false;
  std::string tail = "all";
  std::string since;
  std::string until;
};

// Of "2026-11-30T20:08:27.5Z" and "1796069307.5", what stands behind the point, in nanoseconds.
std::int64_t fraction_of(std::string_view text) {
  const bool is_time =
      text.find_first_not_of("0123456789.") == text.npos || text.find('T') != text.npos;
  const std::size_t point = text.find('.');
  if (!is_time || point == text.npos) return 0;
  std::int64_t fraction = 0;
  std::int64_t unit = second;
  for (const char digit : text.substr(point + 1)) {
    if (digit < '0' || digit > '9' || unit == 1) break;
    unit /= 10;
    fraction += (digit - '0') * unit;
  }
  return fraction;
}

// Nanoseconds since the epoch.
std::optional<std::int64_t> moment(const std::string& flag, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto seconds = read_moment(text, std::time(nullptr));
  if (!seconds)
    throw Error(flag + " " + quoted(text) + " is no time")
        .hint("for example 10m, 2026-11-30T12:00:00 or seconds since 1970");
  // A date of the year 2263 is beyond what nanoseconds can count: it means any time at all.
  std::int64_t nanoseconds = 0;
  if (__builtin_mul_overflow(*seconds, second, &nanoseconds) ||
      __builtin_add_overflow(nanoseconds, fraction_of(text), &nanoseconds))
    return *seconds < 0 ? std::numeric_limits<std::int64_t>::min()
                        : std::numeric_limits<std::int64_t>::max();
  return nanoseconds;
}

// As docker: fewer than none, and more than can be counted, is all of them.
std::optional<std::size_t> tail_of(const std::string& text) {
  if (text == "all") return std::nullopt;
  const bool plus = text.size() > 1 && text[0] == '+' && text[1] != '-';
  std::int64_t lines = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + (plus ? 1 : 0), end, lines);
  if (read.ec == std::errc::invalid_argument || read.ptr != end)
    throw Error("--tail " + quoted(text) + " is no number of lines").hint("a number, or all");
  if (read.ec != std::errc() || lines < 0) return std::nullopt;
  return static_cast<std::size_t>(lines);
}

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class Printer {
 public:
  explicit Printer(bool timestamps) : timestamps_(timestamps) {}

  void print(const LogEntry& entry) {
    std::FILE* const file = entry.error ? stderr : stdout;
    // What both streams show in one terminal stays in its order.
    if (entry.error != last_was_error_) std::fflush(nullptr);
    last_was_error_ = entry.error;
    bool& begins = begins_[entry.error ? 1 : 0];
    if (timestamps_ && begins) {
      write(file, entry.written);
      write(file, " ");
    }
    write(file, entry.bytes);
    if (entry.ends_line) write(file, "\n");
    begins = entry.ends_line;
  }
  void flush() {
    if (std::fflush(stdout) != 0) throw system_error("write", "standard output", errno);
    std::fflush(stderr);
  }

 private:
  static void write(std::FILE* file, std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file) != text.size() && file == stdout)
      throw system_error("write", "standard output", errno);
  }

  const bool timestamps_;
  bool last_was_error_ = false;
  bool begins_[2] = {true, true};  // a line of that stream
};

int logs(const Request& request, const Globals& globals) {
  const auto since = moment("--since", request.since);
  const auto until = moment("--until", request.until);
  const auto tail = tail_of(request.tail);
  Store store(globals.root);
  const Container container = store.containers().get(request.name);
  if (container.config.no_logs)
    throw Error("the container " + quoted(request.name) +
                " keeps no log: it was made with --log-driver "
                "none");
  LogReader reader(store.containers().folder(container.id));
  if (tail) reader.keep_last(*tail);
  Printer printer(request.timestamps);
  for (;;) {
    // Asked first: what it printed last is there then.
    const bool ended = !request.follow || !store.containers().state(container.id).alive();
    while (const std::optional<LogEntry> entry = reader.next()) {
      if (since && entry->time < *since) continue;
      if (until && entry->time > *until) {
        printer.flush();
        return 0;
      }
      printer.print(*entry);
    }
    printer.flush();
    if (ended) return 0;
    // A container that ends, and a time that comes, are noticed without a line, too.
    constexpr std::chrono::milliseconds often(500);
    std::chrono::milliseconds most = often;
    if (until) {
      if (now() > *until) return 0;
      most = std::min(most, std::chrono::milliseconds((*until - now()) / 1'000'000 + 1));
    }
    reader.wait_for_more(most);
  }
}

}  // namespace

std::function<int()> declare_logs(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Prints what a container has printed, from all its starts: its output to standard output, "
      "its "
      "errors to standard error.");
  app.add_option("container", request->name, "a name, an ID or the beginning of one")
      ->required()
      ->type_name("CONTAINER");
  app.add_flag("-f,--follow", request->follow, "and what it prints from now on, until it ends");
  app.add_option("-n,--tail", request->tail, "the last lines alone, or all (the default)")
      ->type_name("LINES");
  app.add_option("--since", request->since, "what was printed since: 10m, 2026-11-30T12:00:00")
      ->type_name("TIME");
  app.add_option("--until", request->until, "what was printed until then")->type_name("TIME");
  app.add_flag("-t,--timestamps", request->timestamps, "say when each line was printed");
  app.add_flag("--details", request->details, "docker's: slipway's log has no further details");
  app.footer(R"(
Examples:
  slipway logs web
  slipway logs -f -n 20 web        as tail -f
  slipway logs --since 10m -t web 2>&1 | grep ERROR
)");
  return [request, &globals] { return logs(*request, globals); };
}

}  // namespace slipway
