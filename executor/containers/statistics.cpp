#include <executor/containers/statistics.hpp>

#include <executor/containers/processes.hpp>
#include <executor/sandbox/control_hierarchies.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {
namespace {

namespace fs = std::filesystem;

// Every group that is made for a container, or for a step, is called so.
constexpr std::string_view own_name = "slipway-";
constexpr std::uint64_t second = 1'000'000'000;
constexpr std::size_t largest_text = 4 << 20;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto start = text.find_first_not_of(" \t");
  if (start == text.npos) return std::nullopt;
  text.remove_prefix(start);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Visit>
void each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// The number behind `word` at the beginning of a line.
std::optional<std::uint64_t> value_of(std::string_view text, std::string_view word) {
  std::optional<std::uint64_t> value;
  each_line(text, [&](std::string_view line) {
    if (!value && line.starts_with(word)) value = number(line.substr(word.size()));
  });
  return value;
}

// A hierarchy's group of the container's own; empty: it has none there.
fs::path own_group(const fs::path& group) {
  fs::path up_to;
  for (const fs::path& part : group) {
    up_to /= part;
    if (part.string().starts_with(own_name)) return up_to;
  }
  return {};
}

std::uint64_t machine_memory() {
  constexpr std::uint64_t kilobyte = 1024;
  return value_of(content("/proc/meminfo"), "MemTotal:").value_or(0) * kilobyte;
}

// What the groups say; what they do not stays empty.
struct Counted {
  std::optional<std::uint64_t> processor;
  std::optional<std::uint64_t> memory;
  std::optional<std::uint64_t> limit;
  std::optional<std::uint64_t> read;
  std::optional<std::uint64_t> written;
  std::optional<std::uint64_t> processes;
};

void take(std::optional<std::uint64_t>& to, std::optional<std::uint64_t> value) {
  if (value) to = value;
}

void count_unified(const fs::path& group, Counted& counted) {
  if (const auto micro = value_of(content(group / "cpu.stat"), "usage_usec ")) {
    counted.processor = *micro * 1000;
  }
  if (auto memory = number(content(group / "memory.current"))) {
    const auto files = value_of(content(group / "memory.stat"), "inactive_file ").value_or(0);
    counted.memory = *memory - std::min(*memory, files);
  }
  take(counted.limit, number(content(group / "memory.max")));
  take(counted.processes, number(content(group / "pids.current")));
  // "8:0 rbytes=1 wbytes=2 rios=3 ...", a device a line.
  const std::string devices = content(group / "io.stat");
  if (!fs::exists(group / "io.stat")) return;
  counted.read = counted.written = 0;
  each_line(devices, [&](std::string_view line) {
    for (const auto& [word, sum] :
         {std::pair("rbytes=", &counted.read), std::pair("wbytes=", &counted.written)}) {
      const std::size_t at = line.find(word);
      if (at != line.npos) **sum += number(line.substr(at + 7)).value_or(0);
    }
  });
}

void count_old(const fs::path& group, Counted& counted) {
  take(counted.processor, number(content(group / "cpuacct.usage")));
  if (auto memory = number(content(group / "memory.usage_in_bytes"))) {
    const auto files = value_of(content(group / "memory.stat"), "total_inactive_file ").value_or(0);
    counted.memory = *memory - std::min(*memory, files);
  }
  take(counted.limit, number(content(group / "memory.limit_in_bytes")));
  take(counted.processes, number(content(group / "pids.current")));
}

Counted count_groups(const HeldProcess& first) {
  Counted counted;
  const auto self = HeldProcess::open(::getpid());
  if (!self) return counted;
  for (const ControlHierarchy& hierarchy :
       read_control_hierarchies(self->read("mountinfo", largest_text), first.read("cgroup"))) {
    const fs::path group = own_group(hierarchy.own);
    if (group.empty()) continue;
    hierarchy.unified ? count_unified(group, counted) : count_old(group, counted);
  }
  return counted;
}

// Shared pages count for each of its processes by their part.
std::uint64_t memory_of(const HeldProcess& process, const ProcessFacts& facts) {
  constexpr std::uint64_t kilobyte = 1024;
  if (const auto part = value_of(process.read("smaps_rollup"), "Pss:")) return *part * kilobyte;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(facts.resident, 0)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void fill_from_processes(const HeldProcess& first, Counted& counted) {
  if (counted.processor && counted.memory && counted.read && counted.processes) return;
  Counted sum;
  sum.processor = sum.memory = sum.read = sum.written = sum.processes = 0;
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  each_process_beside(first, [&](const HeldProcess& process) {
    const auto facts = parse_process_facts(process.read("stat"));
    if (!facts) return;
    *sum.processor +=
        static_cast<std::uint64_t>(facts->ticks + facts->waited_ticks) * (second / ticks);
    *sum.processes += static_cast<std::uint64_t>(facts->threads);
    if (!counted.memory) *sum.memory += memory_of(process, *facts);
    if (counted.read) return;
    const std::string disks = process.read("io");
    *sum.read += value_of(disks, "read_bytes: ").value_or(0);
    *sum.written += value_of(disks, "write_bytes: ").value_or(0);
  });
  const auto fill = [](std::optional<std::uint64_t>& to, std::optional<std::uint64_t> from) {
    if (!to) to = from;
  };
  fill(counted.processor, sum.processor);
  fill(counted.memory, sum.memory);
  fill(counted.read, sum.read);
  fill(counted.written, sum.written);
  fill(counted.processes, sum.processes);
}

// "  eth0: RECEIVED 7 further SENT ...", a device a line.
void count_network(const HeldProcess& first, ContainerUsage& usage) {
  const auto self = HeldProcess::open(::getpid());
  if (!self || self->space("net") == first.space("net")) return;
  each_line(first.read("net/dev"), [&](std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return;
    std::string_view name = line.substr(0, colon);
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    if (name == "lo") return;
    std::string_view rest = line.substr(colon + 1);
    for (int field = 0; field < 9 && !rest.empty(); ++field) {
      rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
      const std::string_view word = rest.substr(0, rest.find(' '));
      if (field == 0) usage.received += number(word).value_or(0);
      if (field == 8) usage.sent += number(word).value_or(0);
      rest.remove_prefix(word.size());
    }
  });
}

}  // namespace

std::optional<ContainerUsage> container_usage(const ContainerState& state) {
  if (!state.alive()) return std::nullopt;
  const auto first = HeldProcess::open(state.process);
  if (!first) return std::nullopt;
  Counted counted = count_groups(*first);
  fill_from_processes(*first, counted);
  ContainerUsage usage;
  usage.when = std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::steady_clock::now().time_since_epoch())
                   .count();
  usage.processor = counted.processor.value_or(0);
  usage.memory = counted.memory.value_or(0);
  const std::uint64_t machine = machine_memory();
  usage.memory_limit = std::min(counted.limit.value_or(machine), machine);
  usage.read = counted.read.value_or(0);
  usage.written = counted.written.value_or(0);
  usage.processes = counted.processes.value_or(0);
  count_network(*first, usage);
  // Whatever was read of one that has ended is no number of anything.
  if (!HeldProcess::open(state.process)) return std::nullopt;
  return usage;
}

double processor_share(const ContainerUsage& before, const ContainerUsage& now) {
  if (now.when <= before.when || now.processor <= before.processor) return 0;
  return 100.0 * static_cast<double>(now.processor - before.processor) /
         static_cast<double>(now.when - before.when);
}

}  // namespace slipway
