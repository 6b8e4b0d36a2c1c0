// The image `busybox` of the cases that run something.
//
// A static busybox of this machine with links for the usual applets in /bin, the probe of the
// sandbox's tests as /bin/probe, /tmp, /root, /home/builder, and an /etc/passwd and /etc/group with
//
//   root 0:0, also in wheel 10          daemon 1:1
//   builder 1000:1001 /home/builder, also in wheel 10 and audio 29
//
// Its config is empty, so that nothing that a case sees comes from there.
#pragma once

#include "build_case.hpp"

#include <filesystem>

namespace slipway {

bool needs_busybox(const BuildCase& one);

// `directory` becomes a build context: a Dockerfile and what it unpacks.
void write_busybox(const std::filesystem::path& directory);

}  // namespace slipway
