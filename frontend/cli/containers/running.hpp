// Staying with a container that runs already, as `attach` does, and `start --attach` where it was
// started before.
#pragma once

#include <cache/containers/store.hpp>
#include <cache/store.hpp>

#include <string>

namespace slipway {

struct RunningOptions {
  bool input = true;  // pass standard input on, to a container that keeps it
  bool pass_signals = true;
  std::string detach_keys;  // as parse_detach_keys() gives them
};

// Gives the exit status of this program, as start_attached(). Throws Error, also where it does not
// run.
int stay_with_running(Store& store, const Container& container, const RunningOptions& options);

}  // namespace slipway
