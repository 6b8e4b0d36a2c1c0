// A place to build in, as a person who has just installed slipway has it.
#pragma once

#include "program.hpp"

#include <unistd.h>

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// Why this machine cannot run RUN steps; empty when it can.
std::string why_not_here();

// Says aloud that the test did nothing, and leaves it.
#define SKIP_UNLESS_ROOT()                                                  \
  if (const std::string reason = why_not_here(); !reason.empty()) {         \
    MESSAGE("skipped: " << reason);                                         \
    return;                                                                 \
  }                                                                         \
  static_assert(true)

// Leaves a test that itself does what only root may; slipway's part in it is another's as well.
#define ROOT_ALONE(what)                                 \
  if (::geteuid() != 0) {                                \
    MESSAGE("root's alone, because the test " << (what)); \
    return;                                              \
  }                                                      \
  static_assert(true)

// One step of a build, as --metadata-file has it.
struct Step {
  std::string name;     // "[build 2/5] RUN make"
  std::string outcome;  // hit, miss, local
  std::string reason;
};

struct Built {
  int status = 0;
  std::string log;    // standard error: progress and cache report
  std::string image;  // "sha256:..."; empty when the build failed
  std::size_t hits = 0;
  std::size_t misses = 0;
  std::vector<Step> steps;

  // The instructions of all misses, without their numbers: "RUN make".
  std::vector<std::string> ran() const;
};

// A new folder, removed with all that is in it.
struct TemporaryFolder {
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  std::filesystem::path path;
};

// A temporary folder with a build context and a slipway state of its own.
class Workshop {
 public:
  // The base images are those that samples/base-images.sh can make.
  explicit Workshop(std::initializer_list<std::string_view> base_images = {"busybox:latest"});

  const std::filesystem::path& folder() const { return folder_.path; }
  std::filesystem::path context() const { return folder() / "context"; }
  std::filesystem::path root() const { return folder() / "state"; }

  // Writes a file of the context, and the folders above it.
  void write(const std::string& path, std::string_view content) const;

  // Runs or starts slipway on this workshop's state.
  Finished slipway(const std::vector<std::string>& arguments) const;
  Program start(const std::vector<std::string>& arguments) const;

  // Builds this workshop's context, or another folder.
  Built build(const std::vector<std::string>& flags = {}) const;
  Built build_folder(const std::filesystem::path& context,
                     const std::vector<std::string>& flags = {}) const;

  // A build that runs while the test goes on; `finish` waits for it.
  class Running;
  Running start_build(const std::vector<std::string>& flags = {}) const;
  Running start_build_of(const std::filesystem::path& context,
                         const std::vector<std::string>& flags) const;

  // The image's files in a new folder, with their owners: what type=tar gives, unpacked.
  std::filesystem::path files_of(const std::filesystem::path& context,
                                 const std::vector<std::string>& flags = {}) const;

 private:
  TemporaryFolder folder_;
  mutable int made_ = 0;  // of new names in the folder
};

class Workshop::Running {
 public:
  Program program;
  Built finish();

 private:
  friend class Workshop;
  Running(Program p, std::filesystem::path metadata)
      : program(std::move(p)), metadata_(std::move(metadata)) {}
  std::filesystem::path metadata_;
};

std::string read(const std::filesystem::path& file);

// One digest of a folder's names, types, modes, owners, links and contents; no times.
std::string fingerprint(const std::filesystem::path& folder);

}  // namespace slipway
