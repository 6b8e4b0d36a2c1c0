// slipway stats: what containers use of the machine, as `docker stats` shows it.
#include "../command.hpp"
#include "../print.hpp"
#include "../rows.hpp"
#include "../table.hpp"

#include <cache/containers/store.hpp>
#include <cache/store.hpp>
#include <executor/containers/statistics.hpp>
#include <ir/error.hpp>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace slipway {
namespace {

constexpr auto between = std::chrono::seconds(1);
// A share of the processor is one of some time: where only one answer is wanted, of this.
constexpr auto before_the_only = std::chrono::milliseconds(500);

constexpr const char* standard =
    "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}"
    "\t{{.PIDs}}";

struct Request {
  std::vector<std::string> names;
  bool all = false;
  bool once = false;
  bool no_trunc = false;
  std::string format;
};

// As docker has it: powers of 1024, four digits.
std::string binary_size(std::uint64_t bytes) {
  constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g%s", size, units[unit]);
  return text.data();
}

std::string percent(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.2f%%", value);
  return text.data();
}

class Statistics {
 public:
  Statistics(Store& store, const Request& request) : store_(store), request_(request) {}

  // Throws Error, where one that was asked for by name is not there.
  void require_names() const {
    for (const std::string& name : request_.names) store_.containers().get(name);
  }

  struct Measured {
    std::string called;  // as it was asked for
    Container container;
    std::optional<ContainerUsage> usage;
    double share = 0;
  };
  // Of each container that is to be shown, as it is now. Some may be gone since the last time.
  std::vector<Measured> measure() {
    std::vector<Measured> all;
    std::map<std::string, ContainerUsage> latest;
    for (auto& [called, container] : shown()) {
      std::optional<ContainerUsage> usage;
      try {
        usage = container_usage(store_.containers().state(container.id));
      } catch (const Error&) {
        continue;  // it has been removed meanwhile
      }
      if (!usage && !request_.all && request_.names.empty()) continue;
      const auto before = latest_.find(container.id);
      const double share =
          usage && before != latest_.end() ? processor_share(before->second, *usage) : 0;
      if (usage) latest.emplace(container.id, *usage);
      all.push_back({std::move(called), std::move(container), usage, share});
    }
    latest_ = std::move(latest);
    return all;
  }

  std::string text(const std::vector<Measured>& all) const {
    Rows rows(request_.format, standard,
              {{"Container", "CONTAINER"},
               {"ID", "CONTAINER ID"},
               {"Name", "NAME"},
               {"CPUPerc", "CPU %"},
               {"MemUsage", "MEM USAGE / LIMIT"},
               {"MemPerc", "MEM %"},
               {"NetIO", "NET I/O"},
               {"BlockIO", "BLOCK I/O"},
               {"PIDs", "PIDS"}});
    for (const Measured& one : all) {
      const ContainerUsage usage = one.usage.value_or(ContainerUsage());
      const double memory = usage.memory_limit == 0 ? 0
                                                    : 100.0 * static_cast<double>(usage.memory) /
                                                          static_cast<double>(usage.memory_limit);
      rows.add(make_record(
          {{"BlockIO", size_text(usage.read) + " / " + size_text(usage.written)},
           {"CPUPerc", percent(one.share)},
           {"Container", one.called},
           {"ID", request_.no_trunc ? one.container.id : one.container.id.substr(0, 12)},
           {"MemPerc", percent(memory)},
           {"MemUsage", binary_size(usage.memory) + " / " + binary_size(usage.memory_limit)},
           {"Name", one.container.name},
           {"NetIO", size_text(usage.received) + " / " + size_text(usage.sent)},
           {"PIDs", std::to_string(usage.processes)}}));
    }
    return rows.text();
  }

 private:
  std::vector<std::pair<std::string, Container>> shown() const {
    std::vector<std::pair<std::string, Container>> all;
    if (request_.names.empty()) {
      for (Container& container : store_.containers().list()) {
        const std::string id = container.id.substr(0, 12);
        all.emplace_back(id, std::move(container));
      }
    }
    for (const std::string& name : request_.names) {
      try {
        all.emplace_back(name, store_.containers().get(name));
      } catch (const NoSuchContainer&) {
        // Removed since it was asked for.
      }
    }
    return all;
  }

  Store& store_;
  const Request& request_;
  std::map<std::string, ContainerUsage> latest_;  // by ID
};

int show(const Request& request, const std::filesystem::path& root) {
  // Not in a namespace of the user's own: in there nobody has rights over the containers' ones,
  // which their owner has outside.
  Store store(root);
  Statistics statistics(store, request);
  statistics.require_names();
  statistics.text({});  // a template that is wrong is told before anything is waited for
  statistics.measure();
  std::this_thread::sleep_for(before_the_only);
  if (request.once) {
    print(statistics.text(statistics.measure()));
    return 0;
  }
  const bool redraws = ::isatty(STDOUT_FILENO) == 1;
  for (;;) {
    const auto all = statistics.measure();
    if (all.empty() && !request.names.empty()) return 0;  // they have been removed
    std::string text = statistics.text(all);
    if (redraws) text.insert(0, "\x1b[H\x1b[2J\x1b[3J");
    print(text);
    if (std::fflush(stdout) != 0) throw system_error("write", "standard output", errno);
    std::this_thread::sleep_for(between);
  }
}

}  // namespace

std::function<int()> declare_stats(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Show what containers use of the machine, once a second.");
  app.add_option("containers", request->names, "these, and not all that run")
      ->type_name("CONTAINER");
  app.add_flag("-a,--all", request->all, "also those that do not run");
  app.add_flag("--no-stream", request->once, "only once");
  app.add_flag("--no-trunc", request->no_trunc, "whole IDs");
  add_format_flag(app, request->format);
  return [request, &globals] { return show(*request, globals.root); };
}

}  // namespace slipway
