#include <executor/containers/rights.hpp>

#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

// In the order of their numbers (capabilities(7)).
constexpr std::array<std::string_view, 41> names = {"CHOWN",
                                                    "DAC_OVERRIDE",
                                                    "DAC_READ_SEARCH",
                                                    "FOWNER",
                                                    "FSETID",
                                                    "KILL",
                                                    "SETGID",
                                                    "SETUID",
                                                    "SETPCAP",
                                                    "LINUX_IMMUTABLE",
                                                    "NET_BIND_SERVICE",
                                                    "NET_BROADCAST",
                                                    "NET_ADMIN",
                                                    "NET_RAW",
                                                    "IPC_LOCK",
                                                    "IPC_OWNER",
                                                    "SYS_MODULE",
                                                    "SYS_RAWIO",
                                                    "SYS_CHROOT",
                                                    "SYS_PTRACE",
                                                    "SYS_PACCT",
                                                    "SYS_ADMIN",
                                                    "SYS_BOOT",
                                                    "SYS_NICE",
                                                    "SYS_RESOURCE",
                                                    "SYS_TIME",
                                                    "SYS_TTY_CONFIG",
                                                    "MKNOD",
                                                    "LEASE",
                                                    "AUDIT_WRITE",
                                                    "AUDIT_CONTROL",
                                                    "SETFCAP",
                                                    "MAC_OVERRIDE",
                                                    "MAC_ADMIN",
                                                    "SYSLOG",
                                                    "WAKE_ALARM",
                                                    "BLOCK_SUSPEND",
                                                    "AUDIT_READ",
                                                    "PERFMON",
                                                    "BPF",
                                                    "CHECKPOINT_RESTORE"};

constexpr std::uint64_t all = ~std::uint64_t{0};

std::uint64_t bits_of(const std::vector<std::string>& asked) {
  std::uint64_t bits = 0;
  for (const std::string& text : asked) {
    std::string name = text;
    for (char& each : name)
      each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
    if (name.starts_with("CAP_")) name.erase(0, 4);
    if (name == "ALL") return all;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      throw Error("there is no capability " + quoted(text))
          .hint(did_you_mean(name, std::vector<std::string>(names.begin(), names.end()),
                             "`man 7 capabilities` lists them"));
    }
    bits |= std::uint64_t{1} << (found - names.begin());
  }
  return bits;
}

}  // namespace

std::uint64_t chosen_capabilities(const std::vector<std::string>& added,
                                  const std::vector<std::string>& dropped) {
  const std::uint64_t more = bits_of(added);
  const std::uint64_t less = bits_of(dropped);
  // Of "all" and "none" the added ones count.
  if (more == all) return less == all ? all : all & ~less;
  if (less == all) return more;
  return (default_capabilities() & ~less) | more;
}

StepRights container_rights(const ContainerConfig& config, const DeviceRegistry& devices) {
  ChosenRights chosen;
  chosen.host_network = config.network == "host";
  chosen.insecure = config.privileged;
  chosen.capabilities = config.privileged ? all
                                          : chosen_capabilities(config.added_capabilities,
                                                                config.dropped_capabilities);
  chosen.filtered = !config.no_filter;
  chosen.masked = !config.no_masks;
  // Who asks for them at the command line has them.
  Entitlements granted;
  granted.every_device = true;
  std::vector<std::string> found;
  for (const std::string& name : config.devices) {
    for (std::string& one : devices.allowed(name, true, granted)) found.push_back(std::move(one));
  }
  chosen.devices = devices.edits_of(found, granted);
  return StepRights::chosen(std::move(chosen));
}

}  // namespace slipway
