// What a container is doing: said by its monitor in one small file, and by a lock that ends with
// it.
//
// `containers/ID/` holds
//   upper/, work/   the container's own layer, in overlayfs's format, and overlayfs's own folder
//   state           the text below, replaced as a whole by a rename
//   lock            locked (ContainerLock) by the monitor as long as it lives, and before that by
//   who
//                   starts it; a lock is the one proof that somebody answers for the container
//   control         the monitor's socket (executor/containers/monitor/protocol.hpp)
//   log             what the program printed (executor/containers/log.hpp)
//   health          what the last probes said (executor/containers/health.hpp)
//   stubs           what was made in upper/ for mounts only, a path a line
//   hosts, resolv.conf, hostname   what it sees of these in /etc, as they were at the last start
//
// A state file is lines of "WORD VALUE", in any order; a reader passes over words that it does not
// know:
//   status created|running|paused|exited
//   boot ID            of this machine, at the last start
//   monitor PID START  of that boot; START is field 22 of /proc/PID/stat
//   process PID START  the container's first process, as this machine numbers it
//   started NS         nanoseconds since the epoch
//   finished NS
//   exit CODE          as a shell has it
//   oom 1              the kernel killed one of its processes at the limit of memory
//   error TEXT         why it could not be started, one line
//   address TEXT       of the container in its network
//   port HOSTADDRESS HOSTPORT PORT PROTOCOL   as published, a line each
#pragma once

#include <cache/containers/container.hpp>
#include <ir/error.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

enum class ContainerStatus { created, running, paused, exited };
// docker's words: "created", "running", "paused", "exited".
std::string_view status_name(ContainerStatus status);

struct ProcessId {
  std::int64_t pid = 0;    // 0: none
  std::int64_t start = 0;  // so that a number that is used again is not taken for it
  bool operator==(const ProcessId&) const = default;
};

struct ContainerState {
  ContainerStatus status = ContainerStatus::created;
  std::string boot;
  ProcessId monitor;
  ProcessId process;
  std::int64_t started = 0;  // nanoseconds since the epoch; 0: never
  std::int64_t finished = 0;
  int exit_code = 0;
  bool out_of_memory = false;
  std::string error;
  std::string address;
  std::vector<PortMapping> ports;
  bool operator==(const ContainerState&) const = default;

  bool alive() const {
    return status == ContainerStatus::running || status == ContainerStatus::paused;
  }
};

// The text of the file; total: what is malformed is passed over.
ContainerState parse_state(std::string_view text);
std::string write_state(const ContainerState& state);

// The truth, by the file, the lock and the boot: a container whose monitor is gone has exited, with
// 137, whatever its file says. Its processes are killed with it, and here where they were not; one
// that cannot be killed runs. Writes nothing. Throws Error.
ContainerState container_state(const std::filesystem::path& folder);
// The same for all containers of a store, for a user without root who is about to go into a user
// namespace: from there nothing can be killed that is in another one.
void kill_left_behind(const std::filesystem::path& store_root);

// Writes aside and renames. For who holds the lock. Throws Error.
void put_state(const std::filesystem::path& folder, const ContainerState& state);

class NoSuchContainer : public Error {
 public:
  using Error::Error;
};

// The lock of a container: an exclusive one of the open file (F_OFD_SETLK), so it is held until the
// last descriptor of that is closed, and can be handed to a monitor.
class [[nodiscard]] ContainerLock {
 public:
  // Empty: somebody else holds it. Throws NoSuchContainer where it has been removed; Error.
  static std::optional<ContainerLock> attempt(const std::filesystem::path& folder);
  ContainerLock(ContainerLock&& other) noexcept;
  ContainerLock& operator=(ContainerLock&&) = delete;
  ~ContainerLock();
  int descriptor() const { return descriptor_; }

 private:
  explicit ContainerLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;  // -1: moved from
};

// With the lock held: where a monitor was killed, kills what it may have left of the container, and
// writes the truth down. Gives it. Throws Error.
ContainerState settle(const std::filesystem::path& folder, const ContainerLock& lock);

}  // namespace slipway
