#include <executor/solve/cache_mounts.hpp>

#include <cache/state_directory.hpp>

#include <algorithm>
#include <variant>

namespace slipway {

std::string cache_mount_id(const RunProcess::Mount& mount) {
  return mount.unkeyed.id.empty() ? mount.target : mount.unkeyed.id;
}

Digest cache_mount_digest(const std::string& id) {
  return sha256("cache-mount\n" + id);
}

std::filesystem::path cache_mount_directory(const StateDirectory& state, const std::string& id) {
  return state.root() / "mounts" / cache_mount_digest(id).hex();
}

std::vector<std::string> used_cache_mounts(const Graph& graph, const SolveResult& result) {
  std::vector<std::string> ids;
  for (const VertexReport& report : result.reports) {
    const auto* run = std::get_if<RunProcess>(&graph[report.vertex].operation);
    if (run == nullptr) continue;
    for (const RunProcess::Mount& mount : run->mounts) {
      if (mount.type != RunProcess::Mount::Type::cache) continue;
      std::string id = cache_mount_id(mount);
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(std::move(id));
    }
  }
  return ids;
}

std::optional<CacheMountLock> CacheMountLock::attempt(const StateDirectory& state,
                                                      const std::string& id) {
  const std::filesystem::path locks = state.root() / "locks";
  auto locked = KeyLock::attempt(locks / "steps", cache_mount_digest(id));
  if (!locked) return std::nullopt;
  auto own = KeyLock::attempt(locks / "mounts", sha256(cache_mount_directory(state, id).string()));
  if (!own) return std::nullopt;
  return CacheMountLock(std::move(*locked), std::move(*own));
}

}  // namespace slipway
