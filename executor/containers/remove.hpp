// The end of containers.
#pragma once

#include <cache/containers/store.hpp>

namespace slipway {

class Store;

struct RemoveOptions {
  bool force = false;    // kill it if it runs
  bool volumes = false;  // with its anonymous volumes, as far as no other container has them
};

// Throws Error: it runs, or somebody else starts or removes it.
void remove_container(Store& store, const Container& container, const RemoveOptions& options);

// docker stop: the container's signal, and after so many seconds SIGKILL; -1: never. Returns when it
// has ended; false: it did not run.
bool stop_container(Store& store, const Container& container, int signal, std::int64_t seconds);

// Of a container whose monitor has said its last without a word: a process that is killed hangs up
// before its lock is free, so this waits a little for the state to tell of the end. Throws Error.
ContainerState state_after_monitor(Store& store, const Container& container);

// 0: that is no signal. "SIGTERM", "term", "15".
int signal_number(std::string_view text);

}  // namespace slipway
