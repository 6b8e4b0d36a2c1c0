// RUN's processes in namespaces of their own, on an overlay of layer directories.
//
// What a step gets: the root file system, its mounts, a /proc, /sys and /dev of its own, the
// environment it was given, docker's default capabilities and system calls. What it does not: a
// descriptor, a variable, a path, a process or an abstract socket of the host.
#pragma once

#include <executor/sandbox/process_runner.hpp>
#include <ir/resource_limits.hpp>
#include <executor/sandbox/rights.hpp>
#include <executor/user_namespace.hpp>
#include <ir/error.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace slipway {

struct SandboxOptions {
  Grants grants = {};
  // Landlock's scope for abstract Unix sockets where the kernel has it (Linux 6.12).
  bool scope_sockets = true;
  Ids ids = Ids::all;  // those of the namespace this process is in (user_namespace.hpp)
  // Of each step. With none there are no control groups.
  ResourceLimits limits;
  // What connects steps to the network, "slirp4netns" or "pasta"; empty: the better one there is.
  std::optional<std::string> network_program;
  // Told once, from any thread, where steps cannot have the network that they should.
  std::function<void(const Diagnostic&)> note;
};

// The result may be used by several threads at once and outlives what it starts. start() returns
// when the program has been executed, about 2 ms; it throws Error where that fails. start() needs
// the rights of root in this machine, container or user namespace. Throws Error, also where a limit
// cannot be held.
std::unique_ptr<ProcessRunner> sandbox_runner(SandboxOptions options);

}  // namespace slipway
