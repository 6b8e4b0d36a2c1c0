// A view of layer directories as one tree: an overlay that is mounted nowhere yet.
#pragma once

#include <cache/file_descriptor.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace slipway {

// Where what is written goes: two directories on one file system, `work` an empty one.
struct OverlayTop {
  std::filesystem::path upper;
  std::filesystem::path work;
  // What a program asks to have on the disk (fsync) gets there.
  bool durable = false;
};

// Makes overlayfs's own folder anew, empty: what an unclean end has left in it keeps the kernel
// from mounting. Throws Error.
void renew_work(const std::filesystem::path& work);

// How the mount is made: with the calls of Linux 6.8 on, which take any number of layers, or with
// mount(2) and its page of options, which takes about 200.
enum class OverlayCalls { newest, oldest };

// A detached mount of `lowers`, lowest first, with `top` above them; without a top it cannot be
// written. It vanishes with its descriptor, unless it is moved to a place. Devices in it cannot be
// opened. A single directory (no lower, or no top) is shown as it is, without an overlay.
//
// Unless it is durable the mount is volatile: nothing of it is synced to the disk, also not when a
// program asks. Throws Error, also where the kernel could only make it read-only.
FileDescriptor mount_overlay(const std::vector<std::filesystem::path>& lowers,
                             const std::optional<OverlayTop>& top,
                             OverlayCalls calls = OverlayCalls::newest);

// A detached clone of the directory or file that `source` (O_PATH) refers to. `attributes` are
// MOUNT_ATTR_... to be set on it.
FileDescriptor clone_tree(const FileDescriptor& source, std::uint64_t attributes);
// The same with all that is mounted below `path`.
FileDescriptor clone_whole_tree(const char* path, std::uint64_t attributes);
// The same of an O_PATH descriptor. What is mounted in either later is not in the other.
FileDescriptor clone_whole_tree(const FileDescriptor& source, std::uint64_t attributes);

}  // namespace slipway
