#include <executor/chroot/tree_pool.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

// Each is a whole root file system on the disk.
constexpr std::size_t most_idle = 4;

}  // namespace

std::unique_ptr<Tree> TreePool::nearest(
    const std::vector<std::shared_ptr<const OpenLayer>>& layers) {
  const std::lock_guard lock(mutex_);
  std::size_t most = 0;
  auto best = idle_.end();
  for (auto tree = idle_.begin(); tree != idle_.end(); ++tree) {
    // A layer that is not wanted costs about what a missing one does.
    const std::size_t shared = (*tree)->shares(layers);
    if (shared > most) {
      most = shared;
      best = tree;
    }
  }
  if (best == idle_.end()) return nullptr;
  std::unique_ptr<Tree> tree = std::move(*best);
  idle_.erase(best);
  return tree;
}

std::unique_ptr<Tree> TreePool::take(std::vector<std::shared_ptr<const OpenLayer>> layers) {
  std::unique_ptr<Tree> tree = nearest(layers);
  if (!tree) tree = std::make_unique<Tree>(fresh_folder_());
  tree->become(merge(std::move(layers)));
  return tree;
}

void TreePool::give_back(std::unique_ptr<Tree> tree) {
  std::unique_ptr<Tree> oldest;  // ends after the lock, because it takes long
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(tree));
  if (idle_.size() > most_idle) {
    oldest = std::move(idle_.front());
    idle_.erase(idle_.begin());
  }
}

}  // namespace slipway
