// What a container has mounted in its root: what it was created with, and its files in /etc.
#pragma once

#include <cache/containers/store.hpp>
#include <executor/containers/network.hpp>
#include <executor/sandbox/step_mounts.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace slipway {

class Store;

// Writes hosts, resolv.conf and hostname into the container's folder, anew for each start. Throws
// Error: an extra host that is none.
void write_network_files(const std::filesystem::path& folder, const Container& container,
                         const ContainerNetwork& network);

// Outer ones first.. Throws Error.
void add_container_mounts(StepMounts& mounts, Store& store, const Container& container,
                          const std::filesystem::path& folder);

// Which paths were made in the container's layer for mounts only, beside those that an earlier
// start has made.
void note_stubs(const std::filesystem::path& folder, const std::vector<Stub>& stubs);

}  // namespace slipway
