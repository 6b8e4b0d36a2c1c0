// The processes of a container, as this machine sees them.
#pragma once

#include <cache/containers/state.hpp>
#include <cache/file_descriptor.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {

// One that is held: its number cannot become another's. It may end at any time; then there is
// nothing to be read of it.
class HeldProcess {
 public:
  // By its number alone, or only if it began then. Nothing: it is gone.
  static std::optional<HeldProcess> open(std::int64_t pid);
  static std::optional<HeldProcess> open(const ProcessId& process);

  std::int64_t pid() const { return pid_; }
  int descriptor() const { return process_.get(); }  // a pidfd
  // A file of /proc/PID, at most `limit` bytes; empty where there is none.
  std::string read(const char* name, std::size_t limit = 64 << 10) const;
  // What /proc/PID/ns/NAME is, for comparing; 0: that may not be seen.
  std::uint64_t space(const char* name) const;
  // The same as a descriptor; none where it may not be opened.
  FileDescriptor open_space(const char* name) const;

 private:
  HeldProcess(std::int64_t pid, FileDescriptor process, FileDescriptor folder)
      : pid_(pid), process_(std::move(process)), folder_(std::move(folder)) {}

  std::int64_t pid_;
  FileDescriptor process_;
  FileDescriptor folder_;  // /proc/PID: of this process, whatever the number means later
};

// What /proc/PID/stat says (proc(5)).
struct ProcessFacts {
  std::string name;
  char status = '?';
  std::int64_t parent = 0;
  std::int64_t terminal = 0;
  std::int64_t ticks = 0;         // of processor time, user and system
  std::int64_t waited_ticks = 0;  // of its children that it has waited for
  std::int64_t threads = 0;
  std::int64_t start = 0;     // ticks since the boot
  std::int64_t resident = 0;  // pages
};
// Total: nothing where it is no such text.
std::optional<ProcessFacts> parse_process_facts(std::string_view stat);

// Everyone in the process namespace of `first`, also in namespaces below it, by number. Held while
// it is looked at: there may be more of them than this process may have descriptors.
void each_process_beside(const HeldProcess& first,
                         const std::function<void(const HeldProcess&)>& visit);

}  // namespace slipway
