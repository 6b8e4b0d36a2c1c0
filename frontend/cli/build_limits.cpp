#include "build_limits.hpp"

#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

constexpr std::uint64_t least_memory = 6 << 20;  // docker's: less does not hold a shell
constexpr std::int64_t microseconds = 1'000'000;

Error wrong(const std::string& flag, const std::string& value, const std::string& why) {
  return Error("--" + flag + " " + quoted(value) + " " + why);
}

std::uint64_t bytes_of(const std::string& flag, const std::string& value) {
  const auto bytes = read_size(value);
  if (!bytes) {
    throw wrong(flag, value, "is no size").hint("a number with b, k, m, g or none: 512m, 1.5g");
  }
  return *bytes;
}

std::int64_t whole_number(const std::string& flag, const std::string& value,
                          const std::string& example) {
  std::int64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, number);
  if (value.empty() || read.ec != std::errc() || read.ptr != end) {
    throw wrong(flag, value, "is no whole number").hint("for example --" + flag + " " + example);
  }
  return number;
}

// "0-3,7". A set, because a number may be named twice. Nothing where it is no such list.
std::optional<std::set<std::uint32_t>> numbers_of(std::string_view text) {
  constexpr std::uint32_t most = 8191;  // the kernel's, of processors
  std::set<std::uint32_t> numbers;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    const std::string_view range = text.substr(from, comma - from);
    from = comma + 1;
    const std::size_t dash = range.find('-');
    const auto first = read_number(range.substr(0, dash), 10);
    const auto last = dash == range.npos ? first : read_number(range.substr(dash + 1), 10);
    if (!first || !last || *first > *last || *last > most) return std::nullopt;
    for (std::uint32_t number = *first; number <= *last; ++number) numbers.insert(number);
  }
  return numbers;
}

void require_numbers(const std::string& flag, const std::string& value, const char* available) {
  const auto asked = numbers_of(value);
  if (!asked) {
    throw wrong(flag, value, "is no list of numbers").hint("for example --" + flag + " 0-1,3");
  }
  std::ifstream file(available);
  std::string line;
  // A kernel without the list says no itself, when the step's group is made.
  if (!std::getline(file, line)) return;
  const auto there = numbers_of(line);
  for (const std::uint32_t number : *asked) {
    if (!there || there->contains(number)) continue;
    throw wrong(flag, value, "asks for " + std::to_string(number) + ", which is not here")
        .hint("this machine has " + line);
  }
}

std::uint64_t quota_of_cpus(const std::string& value) {
  double cpus = 0;
  const char* const end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, cpus, std::chars_format::fixed);
  const long here = ::sysconf(_SC_NPROCESSORS_ONLN);
  if (read.ec != std::errc() || read.ptr != end || !(cpus >= 0.01) ||
      (here > 0 && cpus > static_cast<double>(here))) {
    throw wrong("cpus", value, "is no number of processors from 0.01 to " + std::to_string(here))
        .hint("for example --cpus 1.5");
  }
  return static_cast<std::uint64_t>(std::llround(cpus * 100'000));
}

// What --resource and the flags of the same names say, by name.
std::map<std::string, std::string> values_of(const LimitFlags& flags) {
  const std::vector<std::pair<std::string, const std::string*>> named = {
      {"memory", &flags.memory},           {"memory-swap", &flags.memory_swap},
      {"cpus", &flags.cpus},               {"cpu-shares", &flags.cpu_shares},
      {"cpu-period", &flags.cpu_period},   {"cpu-quota", &flags.cpu_quota},
      {"cpuset-cpus", &flags.cpuset_cpus}, {"cpuset-mems", &flags.cpuset_mems},
      {"pids-limit", &flags.pids_limit}};
  std::map<std::string, std::string> values;
  std::vector<std::string> names;
  for (const auto& [name, value] : named) {
    names.push_back(name);
    if (!value->empty()) values[name] = *value;
  }
  for (const std::string& text : flags.resources) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      throw wrong("resource", text, "is not NAME=VALUE").hint("for example memory=2g");
    }
    const std::string name = text.substr(0, equals);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      std::string all;
      for (const std::string& known : names) all += (all.empty() ? "" : ", ") + known;
      throw wrong("resource", text, "is about nothing that can be limited")
          .hint(did_you_mean(name, names, "NAME is one of " + all));
    }
    values[name] = text.substr(equals + 1);
  }
  // As docker: 0 is no limit. In a list of numbers it is the first processor.
  std::erase_if(values, [](const auto& value) {
    return (value.second == "0" && !value.first.starts_with("cpuset")) ||
           (value.second == "-1" && value.first == "cpu-quota");
  });
  return values;
}

void limit_memory(ResourceLimits& limits, const std::map<std::string, std::string>& values) {
  if (const auto found = values.find("memory"); found != values.end()) {
    const std::uint64_t bytes = bytes_of("memory", found->second);
    if (bytes < least_memory) {
      throw wrong("memory", found->second, "is too little for a process").hint("6m is the least");
    }
    limits.memory = bytes;
  }
  const auto found = values.find("memory-swap");
  if (found == values.end()) return;
  const std::string& text = found->second;
  limits.memory_swap = text == "-1" ? -1 : static_cast<std::int64_t>(bytes_of("memory-swap", text));
  if (!limits.memory) {
    throw Error("--memory-swap needs --memory")
        .hint("it is the sum of memory and swap; --memory says how much of it is memory");
  }
  if (*limits.memory_swap >= 0 &&
      static_cast<std::uint64_t>(*limits.memory_swap) < *limits.memory) {
    throw wrong("memory-swap", text, "is less than --memory")
        .hint("it is the sum of memory and swap; the same value gives no swap");
  }
}

void limit_cpu(ResourceLimits& limits, const std::map<std::string, std::string>& values) {
  const auto value = [&values](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : &found->second;
  };
  if (const std::string* text = value("cpu-shares")) {
    const std::int64_t shares = whole_number("cpu-shares", *text, "512");
    if (shares < 2 || shares > 262'144) {
      throw wrong("cpu-shares", *text, "is not from 2 to 262144").hint("1024 is the usual weight");
    }
    limits.cpu_shares = static_cast<std::uint64_t>(shares);
  }
  if (const std::string* text = value("cpu-period")) {
    const std::int64_t period = whole_number("cpu-period", *text, "100000");
    if (period < 1000 || period > microseconds) {
      throw wrong("cpu-period", *text, "is not from 1000 to 1000000")
          .hint("it counts microseconds: a millisecond to a second");
    }
    limits.cpu_period = static_cast<std::uint64_t>(period);
  }
  if (const std::string* text = value("cpu-quota")) {
    const std::int64_t quota = whole_number("cpu-quota", *text, "50000");
    if (quota < 1000) {
      throw wrong("cpu-quota", *text, "is less than 1000")
          .hint("it counts microseconds of each --cpu-period");
    }
    limits.cpu_quota = static_cast<std::uint64_t>(quota);
  }
  if (const std::string* text = value("cpus")) {
    if (limits.cpu_period || limits.cpu_quota) {
      throw Error("--cpus cannot be given with --cpu-period or --cpu-quota")
          .hint("it says the same: --cpus 1.5 is a quota of 150000 in a period of 100000");
    }
    limits.cpu_quota = quota_of_cpus(*text);
    limits.cpu_period = 100'000;
  }
}

}  // namespace

void declare_limits(CLI::App& app, LimitFlags& flags, LimitsOf whose) {
  const bool of_step = whose == LimitsOf::run_step;
  const std::string group = of_step ? "Limits of RUN" : "Limits";
  const auto add = [&](const char* names, std::string& value, const char* what, const char* type) {
    app.add_option(names, value, what)->type_name(type)->group(group);
  };
  const auto add_list = [&](const char* names, std::vector<std::string>& values, const char* what,
                            const char* type) {
    app.add_option(names, values, what)
        ->type_name(type)
        ->group(group)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  add("--shm-size", flags.shm_size, "how much /dev/shm holds (default: 64m)", "SIZE");
  add_list("--ulimit", flags.ulimits, "a limit of each process: nofile, nproc, core ...",
           "NAME=SOFT[:HARD]");
  // buildx's alone: `docker run` has none.
  if (of_step)
    add_list("--resource", flags.resources,
             "any of the following as NAME=VALUE, for example memory=2g; may be repeated",
             "NAME=VALUE");
  add("-m,--memory", flags.memory, of_step ? "memory of one RUN" : "memory of all its processes",
      "SIZE");
  add("--memory-swap", flags.memory_swap,
      "memory and swap together; -1: no limit (default: twice --memory)", "SIZE");
  add("--cpus", flags.cpus, "processors' worth of CPU time", "NUMBER");
  add("-c,--cpu-shares", flags.cpu_shares, "weight beside others (the usual one: 1024)", "N");
  add("--cpu-period", flags.cpu_period, "the period of --cpu-quota (default: 100000)", "MICROSECONDS");
  add("--cpu-quota", flags.cpu_quota, "CPU time in each period", "MICROSECONDS");
  add("--cpuset-cpus", flags.cpuset_cpus, "the processors to run on: 0-3,7", "LIST");
  add("--cpuset-mems", flags.cpuset_mems, "the memory nodes to use: 0-1", "LIST");
  add("--pids-limit", flags.pids_limit, "processes and threads at once; -1: no limit", "N");
  add("--cgroup-parent", flags.cgroup_parent,
      of_step ? "the control group in which RUN's are made, from the root (default: slipway's own, "
                "with version 2 the one above)"
              : "the control group in which its own is made, from the root (default: slipway's own, "
                "with version 2 the one above)",
      "PATH");
}

std::uint64_t shm_size_of(const LimitFlags& flags) {
  return flags.shm_size.empty() ? 0 : bytes_of("shm-size", flags.shm_size);
}

ResourceLimits resource_limits_of(const LimitFlags& flags) {
  const std::map<std::string, std::string> values = values_of(flags);
  ResourceLimits limits;
  limit_memory(limits, values);
  limit_cpu(limits, values);
  if (const auto found = values.find("cpuset-cpus"); found != values.end()) {
    require_numbers("cpuset-cpus", found->second, "/sys/devices/system/cpu/online");
    limits.cpuset_cpus = found->second;
  }
  if (const auto found = values.find("cpuset-mems"); found != values.end()) {
    require_numbers("cpuset-mems", found->second, "/sys/devices/system/node/has_memory");
    limits.cpuset_mems = found->second;
  }
  if (const auto found = values.find("pids-limit"); found != values.end()) {
    const std::int64_t pids = whole_number("pids-limit", found->second, "100");
    if (pids < -1) {
      throw wrong("pids-limit", found->second, "is less than -1").hint("-1 is no limit");
    }
    if (pids > 0) limits.pids = static_cast<std::uint64_t>(pids);
  }
  if (flags.cgroup_parent.find(".slice") != std::string::npos &&
      flags.cgroup_parent.ends_with(':')) {
    throw Error("--cgroup-parent " + quoted(flags.cgroup_parent) +
                " is a name for systemd, with which slipway does not speak")
        .hint("give the group's path, for example /system.slice");
  }
  limits.cgroup_parent = flags.cgroup_parent;
  return limits;
}

}  // namespace slipway
