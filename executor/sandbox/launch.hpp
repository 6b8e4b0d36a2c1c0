// Starting slipway-init: the one place where the builder makes a process of a step.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/control_groups.hpp>
#include <executor/sandbox/init/plan.hpp>
#include <executor/sandbox/network/private_networks.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// A step's init. Not an owner of it: who launches must wait.
struct Launched {
  FileDescriptor process;  // pidfd
  FileDescriptor output;   // both not blocking; none where there is a terminal
  FileDescriptor error;
  FileDescriptor report;                 // end of file when the program has started
  FileDescriptor lifeline;               // the step dies when it is closed
  ControlGroup group;                    // empty unless limits were asked for
  std::unique_ptr<StepNetwork> network;  // to be destroyed when the process has ended
  FileDescriptor terminal;               // the builder's end, not blocking; none: pipes
};

// Bytes in memory that can be read and not changed, the second kind also executed. Throws Error.
FileDescriptor sealed_memory(const char* name, std::string_view bytes);
FileDescriptor sealed_program(const char* name, std::string_view bytes);

// slipway-init as a file in memory that nobody can change: not the step, which runs it, nor
// anyone on the disk. Made once per runner.
FileDescriptor init_program();

// What the process does not share with the builder. `all` but the network, or `all_and_network`:
// it is PID 1 of its own.
enum class Namespaces { none, all, all_and_network };

// Runs `program` with the plan and the descriptors behind it, in new namespaces. The builder is not
// copied for it, however large it is: the new process borrows its memory until it executes, for
// which time only the calling thread sleeps. It is in `group` and in `network` before it executes
// anything; a `network` is not given together with `all_and_network`. `streams`: what the process
// gets as its three streams, all one; none: pipes. Throws Error.
Launched launch(const FileDescriptor& program, const std::string& plan,
                const std::vector<FileDescriptor>& mounts, Namespaces namespaces,
                ControlGroup group = {}, std::unique_ptr<StepNetwork> network = nullptr,
                const FileDescriptor& streams = FileDescriptor());

// The part of it that others need: a process whose descriptors 0, 1, 2 ... are `handed`, in the order
// of init::Handed, in new namespaces of `flags` (CLONE_NEW...). Gives its pidfd. Throws Error.
FileDescriptor start_init(const FileDescriptor& program, const std::vector<int>& handed, int flags,
                          const std::vector<int>& doors = {}, int network = -1);

// Waits until the program has started; what init reports if it could not.
std::optional<init::Report> await_start(const Launched& launched);

// The exit status of a process that is dead or about to be, as a shell has it.
int wait_for(const FileDescriptor& process) noexcept;

}  // namespace slipway
