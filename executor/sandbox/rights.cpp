#include <executor/sandbox/rights.hpp>

#include <ir/error.hpp>

#include <linux/capability.h>

#include <array>
#include <utility>

namespace slipway {
namespace {

// Docker's fourteen.
constexpr std::array docker_capabilities = {
    CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,           CAP_FOWNER,
    CAP_MKNOD,   CAP_NET_RAW,      CAP_SETGID,           CAP_SETUID,
    CAP_SETFCAP, CAP_SETPCAP,      CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
    CAP_KILL,    CAP_AUDIT_WRITE};

const std::vector<std::string> no_paths;

}  // namespace

std::uint64_t default_capabilities() {
  std::uint64_t set = 0;
  for (const int capability : docker_capabilities) set |= std::uint64_t{1} << capability;
  return set;
}

StepRights StepRights::of(const RunProcess& operation, const Grants& grants) {
  const auto& [granted, devices] = grants;
  StepRights rights;
  // Each value by its name: one that is not known is not the harmless one.
  switch (operation.network) {
    case RunProcess::Network::none:
    case RunProcess::Network::default_:
      break;
    case RunProcess::Network::host:
      require_granted(granted, operation.network);
      break;
    default:
      throw Error("a step of an unknown network mode");
  }
  rights.network_ = operation.network;
  switch (operation.security) {
    case RunProcess::Security::sandbox:
      break;
    case RunProcess::Security::insecure:
      require_granted(granted, operation.security);
      rights.make_insecure();
      break;
    default:
      throw Error("a step of an unknown security mode");
  }
  std::vector<std::string> names;
  for (const RunProcess::Device& device : operation.devices) {
    for (std::string& name : devices.allowed(device.name, device.required, granted))
      names.push_back(std::move(name));
  }
  rights.devices_ = devices.edits_of(names, granted);
  return rights;
}

StepRights StepRights::chosen(ChosenRights chosen) {
  StepRights rights;
  // Only "the host's or not" matters to a container: who starts it has made its network.
  rights.network_ = chosen.host_network ? RunProcess::Network::host : RunProcess::Network::none;
  if (chosen.insecure) rights.make_insecure();
  rights.capabilities_ = chosen.capabilities;
  rights.filtered_ = rights.filtered_ && chosen.filtered;
  rights.masked_ = rights.masked_ && chosen.masked;
  rights.devices_ = std::move(chosen.devices);
  if (rights.filtered_) rights.own_filter_ = seccomp::filter_for(chosen.capabilities);
  return rights;
}

void StepRights::make_insecure() {
  insecure_ = true;
  masked_ = false;
  filtered_ = false;
  capabilities_ = ~std::uint64_t{0};
}

const std::vector<std::string>& StepRights::masked_paths() const {
  static const std::vector<std::string> paths = {
      "/proc/acpi",        "/proc/asound",  "/proc/interrupts",
      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
      "/proc/sched_debug", "/proc/scsi",    "/proc/timer_list",
      "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap",
  };
  return masked_ ? paths : no_paths;
}

const std::vector<std::string>& StepRights::read_only_paths() const {
  static const std::vector<std::string> paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                 "/proc/sysrq-trigger"};
  return masked_ ? paths : no_paths;
}

std::span<const seccomp::Instruction> StepRights::filter() const {
  if (!filtered_) return {};
  if (!own_filter_.empty()) return own_filter_;
  return seccomp::filter();
}

}  // namespace slipway
