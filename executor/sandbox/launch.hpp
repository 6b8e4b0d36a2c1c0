// Starting slipway-init: the one place where the builder makes a process of a step.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/init/plan.hpp>
#include <executor/sandbox/network/private_networks.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

// A process that is PID 1 of its own namespaces. Not an owner of it: who launches must wait.
struct Launched {
  FileDescriptor process;  // pidfd
  FileDescriptor output;   // both not blocking
  FileDescriptor error;
  FileDescriptor report;    // end of file when the program has started
  FileDescriptor lifeline;  // the step dies when it is closed
  std::unique_ptr<StepNetwork> network;  // to be destroyed when the process has ended
};

// slipway-init as a file in memory that nobody can change: not the step, which runs it, nor
// anyone on the disk. Made once per runner.
FileDescriptor init_program();

// Runs `program` with the plan and the descriptors behind it, in new namespaces. The builder is not
// copied for it, however large it is: the new process borrows its memory until it executes, for
// which time only the calling thread sleeps. The network is the host's, unless it is `own_network`:
// that of `network` or, where that is empty, none but a loopback device. Throws Error.
Launched launch(const FileDescriptor& program, const std::string& plan,
                const std::vector<FileDescriptor>& mounts, bool own_network,
                std::unique_ptr<StepNetwork> network);

// Waits until the program has started; what init reports if it could not.
std::optional<init::Report> await_start(const Launched& launched);

// The exit status of a process that is dead or about to be, as a shell has it.
int wait_for(const FileDescriptor& process) noexcept;

}  // namespace slipway
