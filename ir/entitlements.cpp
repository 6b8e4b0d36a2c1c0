#include <ir/entitlements.hpp>

#include <ir/error.hpp>

namespace slipway {

Entitlements every_entitlement() { return {true, true, true, {}}; }

void require_granted(const Entitlements& granted, RunProcess::Network network) {
  if (network != RunProcess::Network::host || granted.network_host) return;
  throw Error("RUN --network=host is not allowed in this build")
      .hint("--allow network.host lets its steps into the host's network");
}

void require_granted(const Entitlements& granted, RunProcess::Security security) {
  if (security != RunProcess::Security::insecure || granted.security_insecure) return;
  throw Error("RUN --security=insecure is not allowed in this build")
      .hint("--allow security.insecure lets its steps out of the sandbox");
}

}  // namespace slipway
