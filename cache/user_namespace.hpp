// What this process may, as far as it decides how a store is written.
#pragma once

namespace slipway {

// Whether this process is in another user namespace than the one the machine was started with.
bool in_user_namespace();

// Whether this process has the capability (CAP_...) in its effective set.
bool has_capability(int capability);

}  // namespace slipway
