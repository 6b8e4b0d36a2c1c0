// Running one RUN's process: the seam between the solve and the kernel.
//
// The real one (sandbox.hpp) mounts an overlay and enters namespaces; tests use a fake that edits
// the upper directory. Both pass the same suite.
#pragma once

#include <ir/error.hpp>
#include <ir/operation.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// A mount of the operation with everything looked up.
struct ResolvedMount {
  RunProcess::Mount mount;
  // bind: what to bind `mount.source` from, lowest first; a writable one gets an upper directory
  // that is thrown away. cache: empty unless it has a `from`.
  std::vector<std::filesystem::path> lowers;
  // bind from a build context: its directory, already filtered. cache: its directory in the store,
  // in which `mount.source` lies unless the directory was made from that of an input.
  std::optional<std::filesystem::path> directory;
  // secret: its bytes. Never written anywhere but to a memory file system.
  std::optional<std::string> secret;
  // ssh: the socket of the agent that answers the step. It never gets into the step itself.
  std::optional<std::filesystem::path> agent;
};

struct TerminalSize {
  std::uint16_t rows = 24;
  std::uint16_t columns = 80;
};

struct RunRequest {
  const RunProcess* operation = nullptr;      // outlives the run
  std::vector<std::filesystem::path> lowers;  // layer directories, lowest first
  std::filesystem::path upper;                // empty directory that receives the changes
  // `upper` holds what an earlier process has changed, and this one goes on from there. Its own
  // changes may be lost.
  bool goes_on = false;
  std::filesystem::path work;                 // empty directory on the same file system
  // `upper` is kept whatever happens: what the process asks to have on the disk gets there.
  bool durable = false;
  std::vector<ResolvedMount> mounts;
  // Asked before more of the output is read, from the runner's thread. False: the step may fill its
  // pipe and wait, until read_on(). Null: always true.
  std::function<bool()> room_for_output;
  // The process gets a terminal for its three streams instead of pipes: `output` is not called, and
  // what it prints comes out of RunningProcess::terminal().
  std::optional<TerminalSize> terminal;
};

struct RunResult {
  int exit_code = 0;  // as a shell has it: 128 + n for a signal
  bool out_of_memory = false;
  std::uint32_t uid = 0;  // as whom the program was started
  std::uint32_t gid = 0;
  // Why what the step did could not be kept, whatever its exit code; nothing: it was.
  std::optional<Error> failure;
};

// A process that was started. Destroying it kills it and waits until nothing of it is left.
class RunningProcess {
 public:
  virtual ~RunningProcess() = default;
  // Kills everything that the step started. `finished` is still called, once.
  virtual void kill() = 0;
  // After `room_for_output` has said no: it is asked again.
  virtual void read_on() {}
  // The other end of the process's terminal, as long as this lives; -1: it has none.
  virtual int terminal() const { return -1; }
};

enum class OutputStream { out, err };

class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;

  // Whether a cache mount's directory may be in several steps at once.
  virtual bool shares_caches() const { return true; }

  // Starts and returns at once. `output` gets the bytes as they come and `finished` the end, after
  // the last output, when no process of the step is alive and nothing is mounted any more. Both
  // are called from a thread of the runner's, must not block and must not throw. Throws Error
  // where the process cannot be started (working directory, user, program not found ...).
  virtual std::unique_ptr<RunningProcess> start(
      const RunRequest& request, std::function<void(OutputStream, std::string_view)> output,
      std::function<void(RunResult)> finished) = 0;
};

}  // namespace slipway
