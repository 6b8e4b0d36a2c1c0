// The real sandbox, or the reason why this machine cannot have it.
#pragma once

#include <executor/sandbox/sandbox.hpp>

#include "executor/rights.hpp"
#include "executor/sandbox/run_in.hpp"

#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace slipway {

// Empty, with a message, where a step that does nothing cannot be started.
inline std::unique_ptr<ProcessRunner> real_runner() {
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
    MESSAGE("skipped: " << reason);
    return nullptr;
  }
  return sandbox_runner({.ids = rights.space.ids});
}

// Runs `command` by busybox's shell in a plain step.
inline Outcome run_plain(ProcessRunner& runner, const std::string& command) {
  TestStep step(command);
  return step.with_busybox().with_probe().run(runner);
}

}  // namespace slipway
