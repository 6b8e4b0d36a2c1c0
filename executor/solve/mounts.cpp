// RUN --mount: what goes into the key, and what the process is shown.
#include <cache/layers/recorded_ids.hpp>
#include <cache/room/room.hpp>
#include <executor/files/copy.hpp>
#include <executor/files/selected.hpp>
#include <executor/solve/cache_mounts.hpp>
#include <executor/solve/explain.hpp>
#include <executor/solve/solver.hpp>

#include <ir/key.hpp>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

namespace slipway {
namespace {

using Mount = RunProcess::Mount;

}  // namespace

std::vector<Digest> Solver::mount_locks(const RunProcess& run) const {
  std::vector<Digest> locks;
  for (const Mount& mount : run.mounts) {
    const bool exclusive =
        mount.sharing == Mount::Sharing::locked ||
        (mount.sharing == Mount::Sharing::shared && !runner_.shares_caches());
    if (mount.type != Mount::Type::cache || !exclusive) continue;
    // A step may have one at two places, and would wait for itself.
    const Digest lock = cache_mount_digest(cache_mount_id(mount));
    if (std::find(locks.begin(), locks.end(), lock) == locks.end()) locks.push_back(lock);
  }
  return locks;
}

std::vector<PlannedFiles> Solver::add_mount_parts(Step& current) {
  const auto& run = std::get<RunProcess>(graph_[current.id].operation);
  if (std::none_of(run.mounts.begin(), run.mounts.end(), reads_input)) return {};
  std::vector<const SourceTree*> trees;
  const auto owned = own_trees(current, trees);
  return slipway::add_mount_parts(run, trees, current.parts);
}

void Solver::add_secret_parts(Step& current) {
  slipway::add_secret_parts(
      std::get<RunProcess>(graph_[current.id].operation), options_.keyed_secrets, options_.secret,
      [this](const std::string& id, const std::string& value) {
        const std::lock_guard lock(mutex_);
        if (!secret_key_) secret_key_.emplace(store_.state());
        return secret_key_->digest(id, value);
      },
      current.parts);
}

Staging Solver::copy_for_mount(const Mount& mount, const std::vector<const SourceTree*>& trees) {
  const StackView nothing({});
  Staging staging = store_.layers().stage();
  write_copy(plan_copy(mounted_files(mount), trees, nothing), trees, nothing, staging);
  return staging;
}

std::filesystem::path Solver::cache_directory(Step& current, const Mount& mount,
                                              const std::vector<const SourceTree*>& trees) {
  const std::string id = cache_mount_id(mount);
  store_.room().use_mount(cache_mount_digest(id), id);
  const auto directory = cache_mount_directory(store_.state(), id);
  std::filesystem::create_directories(directory.parent_path());
  if (mount.sharing == Mount::Sharing::private_) {
    // A private one that is in use gets a twin of its own.
    for (int twin = 0;; ++twin) {
      const std::string name = directory.string() + (twin == 0 ? "" : "." + std::to_string(twin));
      if (auto lock = KeyLock::attempt(store_.state().root() / "locks" / "mounts", sha256(name))) {
        current.directory_locks.push_back(std::move(*lock));
        make_cache_directory(name, mount, trees);
        return name;
      }
    }
  }
  make_cache_directory(directory, mount, trees);
  return directory;
}

void Solver::make_cache_directory(const std::filesystem::path& directory, const Mount& mount,
                                  const std::vector<const SourceTree*>& trees) {
  struct stat status {};
  if (::lstat(directory.c_str(), &status) == 0) return;

  // Made aside and renamed, so that no other step ever sees half of it.
  Staging fresh = reads_input(mount) ? copy_for_mount(mount, trees) : store_.layers().stage();
  auto made = fresh.upper();
  if (reads_input(mount) && !mount.source.empty() && mount.source != "/") {
    made /= std::filesystem::path(mount.source).relative_path();
  }
  if (::chmod(made.c_str(), mount.mode != 0 ? mount.mode : 0755) != 0) {
    throw system_error("chmod", made.string(), errno);
  }
  if (give_owner(AT_FDCWD, made.c_str(), mount.uid, mount.gid) != 0) {
    throw owner_error(mount.target, mount.uid, mount.gid, errno);
  }
  // Never over one that is there: another step may have it mounted already.
  if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, directory.c_str(), RENAME_NOREPLACE) != 0 &&
      errno != EEXIST) {
    throw system_error("renameat2", directory.string(), errno);
  }
}

std::vector<std::string> Solver::mounts_to_import(const RunProcess& run) const {
  std::vector<std::string> ids;
  if (!options_.import_mount) return ids;
  for (const Mount& mount : run.mounts) {
    if (mount.type != Mount::Type::cache) continue;
    const std::string id = cache_mount_id(mount);
    std::error_code ignored;
    if (!std::filesystem::exists(cache_mount_directory(store_.state(), id), ignored))
      ids.push_back(id);
  }
  return ids;
}

void Solver::import_mounts(Step& current) {
  const auto& run = std::get<RunProcess>(graph_[current.id].operation);
  for (const std::string& id : mounts_to_import(run)) {
    // What is fetched must not be removed again before the step has begun.
    store_.room().use_mount(cache_mount_digest(id), id);
    const auto directory = cache_mount_directory(store_.state(), id);
    std::filesystem::create_directories(directory.parent_path());
    options_.import_mount(id, directory, [this] { return stopping(); });
  }
}

// With the step's mutex held.
std::vector<ResolvedMount> Solver::resolve_mounts(Step& current) {
  const Vertex& vertex = graph_[current.id];
  const auto& run = std::get<RunProcess>(vertex.operation);
  std::vector<const SourceTree*> trees;
  std::vector<std::unique_ptr<SourceTree>> owned;
  std::vector<ResolvedMount> resolved;
  for (const Mount& mount : run.mounts) {
    if (reads_input(mount) && trees.empty()) owned = own_trees(current, trees);
    ResolvedMount shown;
    shown.mount = mount;
    switch (mount.type) {
      case Mount::Type::bind: {
        const Step* input = mount.input == 0 ? nullptr : &step(vertex.inputs[mount.input]);
        if (input != nullptr && input->result.context == nullptr) {
          shown.lowers = mountable(input->result);
        } else if (input != nullptr) {
          current.mount_stagings.push_back(copy_for_mount(mount, trees));
          shown.directory = current.mount_stagings.back().upper();
        }
        break;
      }
      case Mount::Type::cache:
        shown.directory = cache_directory(current, mount, trees);
        break;
      case Mount::Type::tmpfs:
        break;
      case Mount::Type::secret:
        if (options_.secret) shown.secret = options_.secret(mount.unkeyed.id);
        if (!shown.secret) {
          if (!mount.required) continue;
          throw Error("secret " + quoted(mount.unkeyed.id) + " is required and not given")
              .hint("--secret id=" + mount.unkeyed.id + ",src=FILE");
        }
        break;
      case Mount::Type::ssh:
        if (const auto agent = options_.ssh_agents.find(mount.unkeyed.id);
            agent != options_.ssh_agents.end()) {
          shown.agent = agent->second;
        } else if (mount.required) {
          throw Error("ssh agent " + quoted(mount.unkeyed.id) + " is required and not given")
              .hint("--ssh " + mount.unkeyed.id);
        } else {
          continue;
        }
        break;
    }
    resolved.push_back(std::move(shown));
  }
  return resolved;
}

}  // namespace slipway
