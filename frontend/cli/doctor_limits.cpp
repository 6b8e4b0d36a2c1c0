// Limits, for `slipway doctor`: which of them a step can be held to. Each is tried on a step.
#include "doctor.hpp"

#include "doctor_attempt.hpp"

#include <executor/sandbox/control_hierarchies.hpp>
#include <ir/error.hpp>

#include <fstream>
#include <string>
#include <utility>

namespace slipway {
namespace {

constexpr const char* delegate =
    "run slipway as root; as a user of systemd: systemd-run --user --scope -p Delegate=yes slipway "
    "...";

// "at /sys/fs/cgroup/a with cpu, memory"
std::string describe(const ControlHierarchy& hierarchy) {
  std::ifstream file(hierarchy.own / "cgroup.controllers");
  // The outermost group a container sees has the file as well, whatever it is outside.
  std::string list;
  for (std::string name; file >> name;) {
    if (name == "cpu" || name == "cpuset" || name == "memory" || name == "pids") {
      list += (list.empty() ? " with " : ", ") + name;
    }
  }
  return "at " + hierarchy.own.string() + (list.empty() ? " with no controller to use" : list);
}

Ability hierarchies() {
  Ability row{.name = "control groups"};
  std::string unified;
  std::string older;
  try {
    for (const ControlHierarchy& hierarchy : control_hierarchies()) {
      if (hierarchy.unified) unified = describe(hierarchy);
      for (const std::string& controller : hierarchy.controllers) {
        older += (older.empty() ? "" : ", ") + controller;
      }
    }
  } catch (const Error& error) {
    row.meaning = error.what();
  }
  row.works = !unified.empty() || !older.empty();
  if (row.works) {
    row.meaning = (unified.empty() ? std::string() : "version 2 " + unified) +
                  (unified.empty() || older.empty() ? "" : "; ") +
                  (older.empty() ? std::string() : "version 1 with " + older);
  } else {
    row.meaning = "there are none, so no limit of RUN can be held";
    row.mend = "mount -t cgroup2 cgroup2 /sys/fs/cgroup";
  }
  return row;
}

Ability limit(const Machine& machine, const char* flag, const ResourceLimits& limits) {
  Ability row{.name = flag};
  const Attempt tried = attempt([&] {
    run_trial_step(machine.root, {.limits = limits});
    return std::string();
  });
  row.works = tried.worked;
  if (tried.worked) {
    row.meaning = "a step was held to it";
    return row;
  }
  row.meaning = machine.sandbox ? tried.reason : "limits need the sandbox";
  row.mend = !machine.sandbox      ? "that of the sandbox, above"
             : !tried.hint.empty() ? tried.hint
                                   : delegate;
  return row;
}

}  // namespace

std::vector<Ability> examine_limits(Machine& machine) {
  ResourceLimits memory;
  memory.memory = std::uint64_t{64} << 20;
  ResourceLimits time;
  time.cpu_quota = 100'000;
  time.cpu_period = 100'000;
  ResourceLimits processors;
  processors.cpuset_cpus = "0";
  ResourceLimits processes;
  processes.pids = 100;
  return {hierarchies(), limit(machine, "--memory", memory), limit(machine, "--cpus", time),
          limit(machine, "--cpuset-cpus", processors), limit(machine, "--pids-limit", processes)};
}

}  // namespace slipway
