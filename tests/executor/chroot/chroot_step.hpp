// Steps in chroot isolation, or the reason why this machine cannot have them.
#pragma once

#include "executor/sandbox/run_in.hpp"

#include <executor/chroot/chroot.hpp>
#include <executor/user_namespace.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>

namespace slipway {

// A runner whose trees lie in `folder`.
inline std::unique_ptr<ProcessRunner> chroot_in(const std::filesystem::path& folder) {
  static std::atomic<int> number = 0;  // folders of several runners must not meet
  ChrootOptions options;
  options.fresh_folder = [folder] { return folder / ("tree-" + std::to_string(number++)); };
  return chroot_runner(std::move(options));
}

// Empty, with a message, where a step that does nothing cannot be started.
inline std::unique_ptr<ProcessRunner> real_chroot(const std::filesystem::path& folder) {
  static const std::string reason = [] {
    try {
      TestStep step("true");
      step.with_busybox();
      step.run(*chroot_in(step.pad.path()));
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  }();
  if (!reason.empty()) {
    // The root of a user's namespace makes no devices; there the sandbox is at hand.
    MESSAGE((in_user_namespace() ? "root's alone: " : "skipped: ") << reason);
    return nullptr;
  }
  return chroot_in(folder);
}

}  // namespace slipway
