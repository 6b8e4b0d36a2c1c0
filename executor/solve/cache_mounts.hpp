// The cache mounts of a store, for who shares them: which a build used, where each lies, and how to
// have one to oneself.
#pragma once

#include <executor/solve/key_lock.hpp>
#include <executor/solve/solve.hpp>
#include <ir/digest.hpp>
#include <ir/graph.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway {

class StateDirectory;

// Docker names a cache mount by its target unless it is given an id.
std::string cache_mount_id(const RunProcess::Mount& mount);
// What names its directory, and its lock.
Digest cache_mount_digest(const std::string& id);
// Of a private mount: that of the first step to want it.
std::filesystem::path cache_mount_directory(const StateDirectory& state, const std::string& id);

// Those of all steps that the solve needed, whether they ran or not: each id once, in the order of
// the graph.
std::vector<std::string> used_cache_mounts(const Graph& graph, const SolveResult& result);

// Keeps steps of other builds from beginning with the mount, and is not had while one uses it, if
// its sharing is locked or private. Steps that share it write when they like.
class [[nodiscard]] CacheMountLock {
 public:
  // Empty: a step has it. Throws Error where locking itself fails.
  static std::optional<CacheMountLock> attempt(const StateDirectory& state, const std::string& id);

 private:
  CacheMountLock(KeyLock locked, KeyLock own)
      : locked_(std::move(locked)), private_(std::move(own)) {}
  KeyLock locked_;
  KeyLock private_;
};

}  // namespace slipway
