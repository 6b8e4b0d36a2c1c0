// An overlay mount over one lower directory, for the tests of what a step leaves in its upper one.
#pragma once

#include "layer_fixture.hpp"

#include <cache/layers/stack.hpp>

#include <filesystem>
#include <string>

namespace slipway {

// On a tmpfs of its own, because not every file system can hold an upper directory. Unmounted at
// the end of its scope.
class OverlayMount {
 public:
  OverlayMount();
  OverlayMount(const OverlayMount&) = delete;
  ~OverlayMount();

  // Empty: mount() will work. Else why this process may not mount.
  static std::string reason_to_skip();
  // Not the root of a user's namespace, which makes no devices and has no trusted.* attributes.
  static bool is_machines_root();

  std::filesystem::path lower() const { return folder_ / "fs/lower"; }
  std::filesystem::path upper() const { return folder_ / "fs/upper"; }
  std::filesystem::path merged() const { return folder_ / "fs/merged"; }

  // Indexes what was put into lower() and mounts.
  void mount();
  // Runs a shell script in merged(), as a RUN would. Throws where it fails.
  void run(const std::string& script);
  const StackView& below() const { return below_; }
  // The paths of the layer that the runs made, whiteouts as "-path", hard links as "path=file",
  // directories as "path/".
  std::vector<std::string> layer();

 private:
  TemporaryFolder folder_;
  StackView below_{{}};
};

}  // namespace slipway
