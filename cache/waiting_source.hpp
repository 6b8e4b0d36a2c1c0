// Bytes that come from elsewhere: who reads them may have to wait, for as long as it takes.
#pragma once

#include <cache/stream.hpp>

namespace slipway {

// While one thread waits for its bytes, another may have found that none are wanted any more.
// Because of that second word, a reader of such a source may leave it to a thread of its own
// (layers/extract.cpp), and need not wait with it.
class WaitingSource : public ByteSource {
 public:
  // Ends a read() that waits, and those that follow, with an Error. Any thread.
  virtual void give_up() = 0;
};

}  // namespace slipway
