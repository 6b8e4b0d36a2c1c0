// Starting a container and staying with it, as `run` and `start` do.
#pragma once

#include "../owned_store.hpp"
#include "attached.hpp"

#include <cache/containers/store.hpp>

#include <string>

namespace slipway {

// Nobody stays with it. Throws NotStarted, Error.
void start_detached(OwnedStore& owned, const Container& container);

struct StayOptions {
  AttachedStreams streams;
  bool pass_signals = true;
  std::string detach_keys;  // as parse_detach_keys() gives them
  bool removes =
      false;  // the container, when it has ended; else its monitor does, where --rm says so
};

// Gives the exit status of this program: the container's, or 0 where it was left. Throws
// NotStarted, Error.
int start_attached(OwnedStore& owned, const Container& container, const StayOptions& options);

// What came of an attached container, told to the user where it is nothing that he sees himself, as
// an exit status.
int attached_status(Store& store, const Container& container, const AttachedEnd& end);

}  // namespace slipway
