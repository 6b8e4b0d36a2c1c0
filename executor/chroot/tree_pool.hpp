// The trees of a runner: each step gets the one that is nearest to what it needs.
#pragma once

#include <executor/chroot/tree.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace slipway {

class TreePool {
 public:
  // `fresh_folder` names a folder that does not exist, on the layers' file system.
  explicit TreePool(std::function<std::filesystem::path()> fresh_folder)
      : fresh_folder_(std::move(fresh_folder)) {}

  // A tree that shows the layers, and that nobody else uses. Throws Error.
  std::unique_ptr<Tree> take(std::vector<std::shared_ptr<const OpenLayer>> layers);
  // After collect(): it may serve a later step.
  void give_back(std::unique_ptr<Tree> tree);

 private:
  std::unique_ptr<Tree> nearest(const std::vector<std::shared_ptr<const OpenLayer>>& layers);

  std::function<std::filesystem::path()> fresh_folder_;
  std::mutex mutex_;  // guards idle_, which threads that start and end steps change
  std::vector<std::unique_ptr<Tree>> idle_;  // the one used last at the end
};

}  // namespace slipway
