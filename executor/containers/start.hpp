// Starting a container: its layer mounted upon its image's, its mounts, its network, its rights,
// and the monitor that answers for it from then on.
#pragma once

#include <cache/containers/store.hpp>
#include <executor/containers/monitor_connection.hpp>
#include <executor/devices/registry.hpp>
#include <executor/user_namespace.hpp>
#include <ir/error.hpp>

#include <filesystem>
#include <functional>
#include <optional>

namespace slipway {

class Store;

struct StartOptions {
  // To be attached before the program's first byte; nothing: nobody is.
  std::optional<AttachedStreams> attach;
  TerminalSize size;       // of the container's terminal, if it has one
  bool removes = false;    // will_remove(), said before the start
  Ids ids = Ids::all;      // those of the namespace this process is in
  DeviceRegistry devices;  // of this machine
  // Told where the container cannot have the network that it should.
  std::function<void(const Diagnostic&)> note;
  std::filesystem::path hook_program;  // what runs `container-hook`; empty: this program
};

// With docker's exit status: 125 for what is slipway's, 126 for a program that cannot be executed,
// 127 for one that is not there.
class NotStarted : public Error {
 public:
  NotStarted(Error error, int status) : Error(std::move(error)), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

// Returns when the program has been executed; the connection is attached where that was asked for.
// Also clears up what an earlier monitor that was killed has left. Throws NotStarted; Error where
// it runs already, or somebody else starts or removes it.
MonitorConnection start_container(Store& store, const Container& container,
                                  const StartOptions& options);

}  // namespace slipway
