// What starting a process on the builder's own memory takes (clone(2) with CLONE_VM | CLONE_VFORK),
// whichever program it is to become.
#pragma once

#include <cache/file_descriptor.hpp>

#include <signal.h>

namespace slipway {

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

// Both ends are closed by an exec. Throws Error.
Pipe make_pipe();
// Throws Error.
void never_block(const FileDescriptor& descriptor);

// While it lives no handler of the builder's runs in this thread, and none on memory that is lent.
class SignalsBlocked {
 public:
  SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  ~SignalsBlocked();

 private:
  sigset_t before_;
};

}  // namespace slipway
