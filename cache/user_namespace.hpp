#pragma once

namespace slipway {

// Whether this process is in another user namespace than the one the machine was started with: there
// only user.* attributes can be written, and overlayfs keeps its marks in those.
bool in_user_namespace();

}  // namespace slipway
