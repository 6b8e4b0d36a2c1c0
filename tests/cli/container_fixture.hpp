// Containers that are in a store and were never started, or seem to run.
#pragma once

#include "image_fixture.hpp"

#include <cache/containers/networks.hpp>
#include <cache/containers/store.hpp>
#include <cache/containers/volumes.hpp>

#include <chrono>
#include <list>

namespace slipway {

struct TestContainers : TestStore {
  ContainerStore containers{state, database};
  VolumeStore volumes{state, database};

  Container make(const std::string& name, const ContainerConfig& config = usual(),
                 const std::string& image = "app:1") {
    const bool known = images.find(parse_reference(image)).has_value();
    if (!known) tag(image, put("RUN make " + image, "2026-01-02T03:04:05Z"));
    const Image found = *images.find(parse_reference(image));
    return containers.create(name, found.id, image, found.layers, config);
  }
  static ContainerConfig usual() {
    ContainerConfig config;
    config.command = {"sleep", "1000"};
    config.platform = {"linux", "amd64", ""};
    return config;
  }

  // As if it had been started by this process, which answers for it.
  void run_since(const Container& container, std::int64_t seconds, ContainerState running = {}) {
    auto lock = ContainerLock::attempt(containers.folder(container.id));
    REQUIRE(lock);
    locks.push_back(std::move(*lock));
    if (!running.alive()) running.status = ContainerStatus::running;
    running.boot = database.boot();
    running.process.pid = 4711;
    running.started = now() - seconds * 1'000'000'000;
    put_state(containers.folder(container.id), running);
  }
  void end(const Container& container, int exit_code, std::int64_t seconds_ago) {
    ContainerState ended;
    ended.status = ContainerStatus::exited;
    ended.started = now() - (seconds_ago + 10) * 1'000'000'000;
    ended.finished = now() - seconds_ago * 1'000'000'000;
    ended.exit_code = exit_code;
    put_state(containers.folder(container.id), ended);
  }
  static std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  std::list<ContainerLock> locks;
};

}  // namespace slipway
