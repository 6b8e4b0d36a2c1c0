// The real sandbox, or the reason why this machine cannot have it.
#pragma once

#include <executor/sandbox/sandbox.hpp>

#include "executor/rights.hpp"
#include "executor/sandbox/run_in.hpp"

#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

namespace slipway {

// Empty, with a message, where a step that does nothing cannot be started.
inline std::unique_ptr<ProcessRunner> real_runner(Entitlements granted = {}) {
  static const std::string reason = [] {
    if (!rights.missing.empty()) return rights.missing;
    try {
      TestStep step("true");
      step.with_busybox();
      step.run(*sandbox_runner({.ids = rights.space.ids}));
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  }();
  if (!reason.empty()) {
    // Confined on purpose, a program tests other runners; the sandbox has its own programs.
    const bool meant = std::getenv("SLIPWAY_TEST_CONFINED") != nullptr;
    MESSAGE((meant ? "not in here: " : "skipped: ") << reason);
    return nullptr;
  }
  SandboxOptions options;
  options.grants.granted = std::move(granted);
  options.ids = rights.space.ids;
  return sandbox_runner(std::move(options));
}

// Leaves a test about users that differ: where there is one id they are told apart by name alone.
#define NEEDS_OTHER_IDS()                                                  \
  if (rights.space.ids == Ids::own) {                                      \
    MESSAGE("with one id nobody else is there to be told apart");          \
    return;                                                                \
  }                                                                        \
  static_assert(true)

// Runs `command` by busybox's shell in a plain step.
inline Outcome run_plain(ProcessRunner& runner, const std::string& command) {
  TestStep step(command);
  return step.with_busybox().with_probe().run(runner);
}

}  // namespace slipway
