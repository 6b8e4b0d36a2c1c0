#include <executor/containers/process_table.hpp>

#include <executor/spawn.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <fstream>
#include <optional>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t most_output = 64 << 20;  // bytes, of all processes of this machine
constexpr std::string_view blanks = " \t";

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// At most that many: the last one has the rest of the line.
std::vector<std::string> fields_of(std::string_view line, std::size_t most) {
  std::vector<std::string> fields;
  for (;;) {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    if (line.empty()) return fields;
    if (fields.size() + 1 == most) {
      line.remove_suffix(line.size() - 1 - line.find_last_not_of(blanks));
      fields.emplace_back(line);
      return fields;
    }
    const std::size_t end = std::min(line.find_first_of(blanks), line.size());
    fields.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

struct Printed {
  int status = 0;
  std::string text;
  std::string error;
};

Printed run_ps(const std::string& program, const std::vector<std::string>& options) {
  const FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw system_error("open", "/dev/null", errno);
  Pipe output = make_pipe();
  Pipe error = make_pipe();
  ChildProcess::Call call;
  call.program = program;
  call.arguments = {"ps"};
  call.arguments.insert(call.arguments.end(), options.begin(), options.end());
  // As wide as the lines are, in the words of nobody's country.
  call.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "COLUMNS=32767"};
  call.descriptors = {null.get(), output.write.get(), error.write.get()};
  ChildProcess child(std::move(call));
  output.write = FileDescriptor();
  error.write = FileDescriptor();
  const auto read_all = [](const FileDescriptor& pipe, std::string& text) {
    std::array<char, 64 << 10> bytes;
    for (;;) {
      const ssize_t got = ::read(pipe.get(), bytes.data(), bytes.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || text.size() > most_output) return;
      text.append(bytes.data(), static_cast<std::size_t>(got));
    }
  };
  Printed printed;
  // What it says of a mistake fits into the pipe.
  read_all(output.read, printed.text);
  output.read = FileDescriptor();
  read_all(error.read, printed.error);
  printed.status = child.wait();
  return printed;
}

std::int64_t boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  std::int64_t value = 0;
  while (file >> word) {
    if (word == "btime" && file >> value) return value;
  }
  return 0;
}

std::string clock_text(std::time_t time, const char* form) {
  std::tm parts{};
  std::array<char, 32> text{};
  ::localtime_r(&time, &parts);
  return std::strftime(text.data(), text.size(), form, &parts) > 0 ? text.data() : "";
}

std::string duration_text(std::int64_t seconds) {
  const auto two = [](std::int64_t value) {
    return (value < 10 ? "0" : "") + std::to_string(value);
  };
  return two(seconds / 3600) + ":" + two(seconds / 60 % 60) + ":" + two(seconds % 60);
}

std::string owner_of(const HeldProcess& process) {
  for (const std::string_view line : lines_of(process.read("status"))) {
    if (line.starts_with("Uid:")) return fields_of(line, 4).at(1);
  }
  return "?";
}

// The numbers of terminals in a container are not names of this machine's.
std::string terminal_text(std::int64_t device) {
  return device == 0 ? "?" : "pts";
}

ProcessTable table_of(const HeldProcess& first) {
  ProcessTable table;
  table.titles = {"UID", "PID", "PPID", "STIME", "TTY", "TIME", "CMD"};
  const std::int64_t ticks = ::sysconf(_SC_CLK_TCK);
  const std::int64_t boot = boot_time();
  each_process_beside(first, [&](const HeldProcess& process) {
    const auto facts = parse_process_facts(process.read("stat"));
    if (!facts) return;
    std::string command = process.read("cmdline");
    while (command.ends_with('\0')) command.pop_back();
    std::replace(command.begin(), command.end(), '\0', ' ');
    if (command.empty()) command = "[" + facts->name + "]";
    table.rows.push_back(
        {owner_of(process), std::to_string(process.pid()), std::to_string(facts->parent),
         clock_text(boot + facts->start / ticks, "%H:%M"), terminal_text(facts->terminal),
         duration_text(facts->ticks / ticks), printable(command)});
  });
  return table;
}

}  // namespace

ProcessTable parse_process_table(std::string_view text, const std::vector<std::int64_t>& numbers) {
  ProcessTable table;
  const std::vector<std::string_view> lines = lines_of(text);
  if (!lines.empty()) table.titles = fields_of(printable(lines.front()), std::string::npos);
  const auto found = std::find(table.titles.begin(), table.titles.end(), "PID");
  if (found == table.titles.end()) {
    throw Error("ps shows no column PID with these options")
        .hint("the container's processes are told by it: add -o pid");
  }
  const auto column = static_cast<std::size_t>(found - table.titles.begin());
  bool shown = false;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    std::vector<std::string> fields = fields_of(printable(lines[i]), table.titles.size());
    fields.resize(table.titles.size());
    std::int64_t number = -1;
    const std::string& text_of = fields[column];
    const auto [end, error] =
        std::from_chars(text_of.data(), text_of.data() + text_of.size(), number);
    const bool is_number = error == std::errc() && end == text_of.data() + text_of.size();
    // Lines without a number of their own, as for threads, belong to the one above them.
    if (is_number) shown = std::find(numbers.begin(), numbers.end(), number) != numbers.end();
    if (shown && (is_number || text_of == "-")) table.rows.push_back(std::move(fields));
  }
  return table;
}

ProcessTable process_table(const HeldProcess& first, const std::vector<std::string>& options) {
  const std::optional<std::string> ps = find_program("ps");
  if (!ps) {
    if (options.empty()) return table_of(first);
    throw Error("ps is not installed on this machine (package procps)")
        .hint("without options of ps, the processes are listed without it");
  }
  std::vector<std::int64_t> numbers;
  each_process_beside(first, [&](const HeldProcess& process) { numbers.push_back(process.pid()); });
  const Printed printed = run_ps(*ps, options.empty() ? std::vector<std::string>{"-ef"} : options);
  if (printed.status != 0) {
    const std::vector<std::string> said = {
        std::string(lines_of(printed.error).empty() ? "" : lines_of(printed.error).front())};
    throw Error("ps ended with status " + std::to_string(printed.status) + ": " +
                printable(said.front()));
  }
  return parse_process_table(printed.text, numbers);
}

}  // namespace slipway
