// Trying something in a process of its own: what it enters, mounts or breaks there ends with it.
#pragma once

#include <ir/resource_limits.hpp>
#include <executor/user_namespace.hpp>
#include <ir/platform.hpp>

#include <filesystem>
#include <functional>
#include <string>

namespace slipway {

struct Attempt {
  bool worked = false;
  std::string text;    // what the trial gave
  std::string reason;  // why it did not work
  std::string hint;    // what its Error said about that
};

// Runs the trial in a forked process, which has one thread. It throws Error where it does not work.
Attempt attempt(const std::function<std::string()>& trial);

// A new directory where the store is or would be, removed at the end. For use in a trial, in the
// namespace that uses it. Throws Error.
class TrialFolder {
 public:
  explicit TrialFolder(const std::filesystem::path& root);
  TrialFolder(const TrialFolder&) = delete;
  ~TrialFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The directory that is, or that the store would be made in.
std::filesystem::path nearest_directory(const std::filesystem::path& root);

struct TrialStep {
  bool in_sandbox = true;  // else by chroot
  ResourceLimits limits;
  Platform platform;  // whose program it runs; empty: this machine's
};

// For use in a trial: runs a step that does nothing, as a build would. Throws Error where it does
// not come to its right end.
void run_trial_step(const std::filesystem::path& root, const TrialStep& step);

}  // namespace slipway
