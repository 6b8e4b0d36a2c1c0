// What failed steps left behind: of each place one root file system, for looking into it.
//
//   failed/HEX/upper  what the step changed, in overlayfs's own format
//   failed/HEX/step   JSON: the step's name, the layers below it, when it failed
//
// HEX is the sha256 of the place, which names a Dockerfile and its target. It is no layer and in no
// record: no build ever starts from it. It stays until the next build of the same place begins.
#pragma once

#include <cache/state_directory.hpp>
#include <ir/layer.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway {

class Staging;

// Safe for any number of threads and processes.
class FailedSteps {
 public:
  // The tree while its process uses it: nobody removes it for that time.
  class [[nodiscard]] Kept {
   public:
    std::filesystem::path upper() const { return folder_ / "upper"; }

   private:
    friend class FailedSteps;
    Kept(FileLock lock, std::filesystem::path folder)
        : lock_(std::move(lock)), folder_(std::move(folder)) {}
    FileLock lock_;
    std::filesystem::path folder_;
  };

  explicit FailedSteps(StateDirectory& state) : state_(state) {}

  // Moves the tree out of `staging`; what was kept for the place goes. Empty, with the tree where
  // it was: another process is using what it keeps for the same place. Throws Error.
  std::optional<Kept> keep(const std::string& place, const Staging& staging,
                           const std::string& step, const LayerStack& below);
  // Removes what is kept for the place, unless another process is using it. Throws Error.
  void forget(const std::string& place);

  // What is kept, and what it stands on. One that cannot be read is given without its step.
  struct Left {
    Digest name;  // of its folder
    std::string step;
    std::int64_t failed = 0;  // seconds since the epoch
    std::vector<DiffId> below;
  };
  std::vector<Left> list() const;
  bool in_use(const Digest& name) const;
  // False: another process is using it.
  bool drop(const Digest& name);

  // What is wrong in failed/, for fsck. `repair` removes it. `has_layer` says whether the store has
  // a layer. What another process is using is left alone.
  std::vector<std::string> check(bool repair, const std::function<bool(const DiffId&)>& has_layer);

 private:
  std::filesystem::path folder_of(const std::string& place) const;
  void remove(const std::filesystem::path& folder);

  StateDirectory& state_;
};

}  // namespace slipway
