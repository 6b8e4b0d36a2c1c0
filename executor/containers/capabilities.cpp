#include <executor/containers/capabilities.hpp>

#include <algorithm>
#include <cctype>

namespace slipway {

const std::vector<std::string>& capability_names() {
  static const std::vector<std::string> names = {
      "CHOWN",           "DAC_OVERRIDE",     "DAC_READ_SEARCH",  "FOWNER",
      "FSETID",          "KILL",             "SETGID",           "SETUID",
      "SETPCAP",         "LINUX_IMMUTABLE",  "NET_BIND_SERVICE", "NET_BROADCAST",
      "NET_ADMIN",       "NET_RAW",          "IPC_LOCK",         "IPC_OWNER",
      "SYS_MODULE",      "SYS_RAWIO",        "SYS_CHROOT",       "SYS_PTRACE",
      "SYS_PACCT",       "SYS_ADMIN",        "SYS_BOOT",         "SYS_NICE",
      "SYS_RESOURCE",    "SYS_TIME",         "SYS_TTY_CONFIG",   "MKNOD",
      "LEASE",           "AUDIT_WRITE",      "AUDIT_CONTROL",    "SETFCAP",
      "MAC_OVERRIDE",    "MAC_ADMIN",        "SYSLOG",           "WAKE_ALARM",
      "BLOCK_SUSPEND",   "AUDIT_READ",       "PERFMON",          "BPF",
      "CHECKPOINT_RESTORE"};
  return names;
}

std::optional<std::string> normal_capability(std::string_view text) {
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (name.starts_with("CAP_")) name.erase(0, 4);
  if (!capability_bit(name)) return std::nullopt;
  return name;
}

std::optional<std::uint64_t> capability_bit(std::string_view name) {
  const auto& names = capability_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return std::uint64_t{1} << (found - names.begin());
}

}  // namespace slipway
