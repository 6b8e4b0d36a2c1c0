// A terminal for the process of a step, in the step's own /dev/pts: its programs find it there by
// the name that they are told, and no terminal of the host's is ever theirs.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/process_runner.hpp>

#include <cstdint>

namespace slipway {

struct Terminal {
  FileDescriptor outer;  // the builder's end; not blocking
  FileDescriptor inner;  // the process's three streams
};

// `terminals`: a mounted devpts, which need not be attached anywhere. The terminal belongs to
// `owner`. Throws Error.
Terminal make_terminal(int terminals, const TerminalSize& size, std::uint32_t owner);

// Tells the process behind `outer` that the terminal has another size now.
void set_size(int outer, const TerminalSize& size) noexcept;

}  // namespace slipway
