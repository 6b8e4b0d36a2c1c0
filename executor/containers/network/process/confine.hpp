#pragma once

namespace slipway {

// From now on this process has no capability, and no system call but those that serve a network:
// frames of containers are what it reads all day. False: the kernel does not let it.
bool confine();

}  // namespace slipway
