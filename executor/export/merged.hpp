// The files of a stack of layers as one tree, in path order.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/stack.hpp>

#include <functional>
#include <span>

namespace slipway {

// Calls `visit` for every entry that a process with this root would find, directories before what
// they hold. No whiteouts, nothing is opaque; a hard link whose first name is gone or is another
// file by now is a file of its own.
void walk_merged(const StackView& view, const std::function<void(const Entry&)>& visit);

// Reads a regular file of the view. `sink` gets exactly `entry.size` bytes, or Error is thrown.
void read_merged(const StackView& view, const Entry& entry,
                 const std::function<void(std::span<const std::byte>)>& sink);

}  // namespace slipway
