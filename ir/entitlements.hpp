// What the person who builds grants a Dockerfile beyond the sandbox (--allow), because a Dockerfile
// cannot grant it to itself.
#pragma once

#include <ir/operation.hpp>

#include <map>
#include <string>

namespace slipway {

struct Entitlements {
  bool network_host = false;
  bool security_insecure = false;
  bool every_device = false;
  // By the name that RUN --device gives: the device that is meant by it.
  std::map<std::string, std::string> devices;
};

// For looks at a Dockerfile that run nothing of it.
Entitlements every_entitlement();

// Each throws Error where the step asks for what is not granted.
void require_granted(const Entitlements& granted, RunProcess::Network network);
void require_granted(const Entitlements& granted, RunProcess::Security security);

}  // namespace slipway
