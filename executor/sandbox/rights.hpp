// What a step may do: computed here and nowhere else, from what its operation asks for and what was
// granted. Whoever sets up a step takes a `StepRights`, so no other way into a step can forget to
// ask (CVE-2024-23653).
#pragma once

#include <executor/devices/registry.hpp>
#include <executor/sandbox/seccomp/filter.hpp>
#include <ir/entitlements.hpp>
#include <ir/operation.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace slipway {

// What steps may ask for; nothing, if nobody says otherwise.
struct Grants {
  Entitlements granted;
  DeviceRegistry devices;  // of this machine
};

// What a user asks for himself, at his command line: for a container, never for a step.
struct ChosenRights {
  bool host_network = false;
  bool insecure = false;
  std::uint64_t capabilities = 0;
  bool filtered = true;
  bool masked = true;
  DeviceEdits devices;
};

// A bit each, docker's fourteen.
std::uint64_t default_capabilities();

class StepRights {
 public:
  // The only one that makes a step's. Throws Error where the operation asks for what is not granted.
  static StepRights of(const RunProcess& operation, const Grants& grants);
  // A container's.
  static StepRights chosen(ChosenRights rights);

  // The host's own only where it was granted. By default it may be shared all the same, where this
  // machine has nothing to connect another one: that is no right of the step's.
  RunProcess::Network network() const { return network_; }
  // Out of the sandbox: no filter, no masks, every capability, all of the kernel's settings.
  bool insecure() const { return insecure_; }

  std::uint64_t capabilities() const { return capabilities_; }  // a bit each
  const std::vector<std::string>& masked_paths() const;     // show nothing
  const std::vector<std::string>& read_only_paths() const;  // cannot be written
  std::span<const seccomp::Instruction> filter() const;     // empty: every system call
  const DeviceEdits& devices() const { return devices_; }   // what they put into the step

 private:
  StepRights() = default;
  void make_insecure();

  RunProcess::Network network_ = RunProcess::Network::none;
  bool insecure_ = false;
  bool masked_ = true;
  std::uint64_t capabilities_ = default_capabilities();
  // Of a container with other capabilities; empty: every step's, or with `filtered_` unset none.
  std::vector<seccomp::Instruction> own_filter_;
  bool filtered_ = true;
  DeviceEdits devices_;
};

}  // namespace slipway
