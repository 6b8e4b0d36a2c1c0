// RUN's processes without a single namespace or mount: in a copy of the layers, by chroot(2).
//
// For containers that may do no more. The layer and the key of a step are those of the sandbox, but
// nothing holds a hostile step: it is root beside slipway, in the same network, and can reach
// whatever the container can. README.md has the table.
#pragma once

#include <executor/chroot/merged_layers.hpp>
#include <executor/sandbox/process_runner.hpp>
#include <executor/sandbox/rights.hpp>

#include <filesystem>
#include <functional>
#include <memory>

namespace slipway {

struct ChrootOptions {
  Grants grants = {};
  // A path for a folder that does not exist yet, on the layers' file system.
  std::function<std::filesystem::path()> fresh_folder;
  // The index of a layer's directory; null where it has none yet.
  std::function<std::shared_ptr<const LayerIndex>(const std::filesystem::path&)> index_of;
};

// The result may be used by several threads at once and outlives what it starts. start() returns
// when the program has been executed; it copies what the step's root lacks first. start() needs root
// with the capabilities that docker gives a container. This process becomes the one that inherits
// orphans, and cannot be traced any more. Throws Error.
std::unique_ptr<ProcessRunner> chroot_runner(ChrootOptions options);

}  // namespace slipway
