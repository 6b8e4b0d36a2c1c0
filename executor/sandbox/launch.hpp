// Starting slipway-init: the one place where the builder makes a process of a step.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/init/plan.hpp>

#include <optional>
#include <string>
#include <vector>

namespace slipway {

// A process that is PID 1 of its own namespaces. Not an owner of it: who launches must wait.
struct Launched {
  FileDescriptor process;  // pidfd
  FileDescriptor output;   // both not blocking; none where there is a terminal
  FileDescriptor error;
  FileDescriptor report;    // end of file when the program has started
  FileDescriptor lifeline;  // the step dies when it is closed
  FileDescriptor terminal;  // the builder's end, not blocking; none: pipes
};

// slipway-init as a file in memory that nobody can change: not the step, which runs it, nor
// anyone on the disk. Made once per runner.
FileDescriptor init_program();

// Runs `program` with the plan and the descriptors behind it, in new namespaces. The builder is not
// copied for it, however large it is: the new process borrows its memory until it executes, for
// which time only the calling thread sleeps. Throws Error.
// `streams`: what the process gets as its three streams, all one; none: pipes.
Launched launch(const FileDescriptor& program, const std::string& plan,
                const std::vector<FileDescriptor>& mounts, bool own_network,
                const FileDescriptor& streams = FileDescriptor());

// Waits until the program has started; what init reports if it could not.
std::optional<init::Report> await_start(const Launched& launched);

// The exit status of a process that is dead or about to be, as a shell has it.
int wait_for(const FileDescriptor& process) noexcept;

}  // namespace slipway
