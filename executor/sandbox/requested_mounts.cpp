// RUN --mount.
#include <executor/sandbox/step_mounts.hpp>

#include <cache/layers/recorded_ids.hpp>
#include <executor/sandbox/file_system.hpp>
#include <executor/sandbox/mount_source.hpp>
#include <executor/snapshot/overlay.hpp>
#include <executor/ssh/agent_forward.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t most_mounts = 200;  // each takes two or three descriptors

FileDescriptor open_directory(const std::filesystem::path& path) {
  FileDescriptor directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) throw system_error("open", path.string(), errno);
  return directory;
}

std::string octal(std::uint32_t mode) {
  std::string text;
  for (; mode != 0 || text.empty(); mode /= 8) text.insert(text.begin(), "01234567"[mode % 8]);
  return text;
}

FileDescriptor again(const FileDescriptor& descriptor) {
  FileDescriptor copy(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) throw system_error("fcntl", "", errno);
  return copy;
}

}  // namespace

void StepMounts::add_requested() {
  if (request_.mounts.size() > most_mounts) {
    throw Error("a RUN with " + std::to_string(request_.mounts.size()) + " mounts; " +
                std::to_string(most_mounts) + " are possible");
  }
  // Outer ones first, in whatever order they were written.
  std::vector<std::size_t> order(request_.mounts.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return request_.mounts[a].mount.target < request_.mounts[b].mount.target;
  });
  for (const std::size_t index : order) {
    const ResolvedMount& mount = request_.mounts[index];
    if (mount.mount.target.find_first_not_of('/') == std::string::npos &&
        !(mount.mount.type == RunProcess::Mount::Type::secret && !mount.mount.env.empty())) {
      throw Error("a mount at " + quoted(mount.mount.target) + " would hide the whole root");
    }
    switch (mount.mount.type) {
      case RunProcess::Mount::Type::bind:
        add_bind(mount, index);
        break;
      case RunProcess::Mount::Type::cache:
        add_cache(mount);
        break;
      case RunProcess::Mount::Type::tmpfs:
        add_tmpfs(mount);
        break;
      case RunProcess::Mount::Type::secret:
        add_secret(mount);
        break;
      case RunProcess::Mount::Type::ssh:
        add_ssh(mount);
        break;
    }
  }
}

// What is written goes to a directory beside the overlay's own, which is thrown away with it.
void StepMounts::add_bind(const ResolvedMount& mount, std::size_t index) {
  std::vector<std::filesystem::path> lowers = mount.lowers;
  if (lowers.empty() && mount.directory) lowers.push_back(*mount.directory);
  std::optional<OverlayTop> top;
  if (!mount.mount.read_only || lowers.empty()) {
    const std::filesystem::path place = request_.work / ("bind-" + std::to_string(index));
    top = OverlayTop{place / "upper", place / "work"};
    std::filesystem::create_directories(top->upper);
    std::filesystem::create_directories(top->work);
  }
  FileDescriptor tree = mount_overlay(lowers, top);
  FileDescriptor source = open_source(tree.get(), mount.mount.source);
  auto place = tree_.place_for(mount.mount.target, kind_of(source));
  const std::uint64_t attributes =
      MOUNT_ATTR_NODEV | (mount.mount.read_only ? MOUNT_ATTR_RDONLY : 0);
  shelve(std::move(tree), mount.mount.target);
  const RootTree::Place where{FileDescriptor(), place.path, -1, {}};
  const int seen = source.get();
  const int action = bind(std::move(source), std::move(place), attributes, mount.mount.target);
  tree_.add_mount(where, seen, std::nullopt, action);
}

void StepMounts::add_cache(const ResolvedMount& mount) {
  if (!mount.directory) throw Error("a cache mount without a directory");
  FileDescriptor source = open_directory(*mount.directory);
  // One that began as another tree's directory is that directory.
  if (mount.mount.input == 0) source = open_source(source.get(), mount.mount.source);
  auto place = tree_.place_for(mount.mount.target, kind_of(source));
  FileDescriptor tree =
      clone_tree(source, MOUNT_ATTR_NODEV | (mount.mount.read_only ? MOUNT_ATTR_RDONLY : 0));
  // What is made in a shared one for another mount stays, as BuildKit's does: a step beside this
  // one may have a mount of its own there by then, which would go with the directory.
  const bool alone = mount.mount.sharing != RunProcess::Mount::Sharing::shared;
  tree_.add_mount(place, tree.get(), alone ? std::optional(again(source)) : std::nullopt);
  attach(std::move(tree), std::move(place), mount.mount.target);
}

void StepMounts::add_tmpfs(const ResolvedMount& mount) {
  const std::uint32_t mode = mount.mount.mode == 0 ? 01777 : mount.mount.mode;
  std::vector<std::pair<std::string, std::string>> options = {{"mode", octal(mode)}};
  if (mount.mount.size != 0) options.emplace_back("size", std::to_string(mount.mount.size));
  auto place = tree_.place_for(mount.mount.target, RootTree::Kind::directory);
  FileDescriptor memory = new_file_system("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  tree_.add_mount(place, memory.get(), std::nullopt);
  attach(std::move(memory), std::move(place), mount.mount.target);
}

void StepMounts::add_secret(const ResolvedMount& mount) {
  if (!mount.secret) {
    if (!mount.mount.required) return;
    throw Error("secret " + quoted(mount.mount.unkeyed.id) + " is required and not given");
  }
  if (!mount.mount.env.empty()) {
    if (mount.secret->find('\0') != std::string::npos) {
      throw Error("secret " + quoted(mount.mount.unkeyed.id) +
                  " holds a zero byte: it cannot be a variable");
    }
    secret_environment_.push_back(mount.mount.env + "=" + *mount.secret);
  }
  if (mount.mount.target.empty()) return;
  const std::uint32_t mode = mount.mount.mode == 0 ? 0400 : mount.mount.mode;
  bind(hidden_file(*mount.secret, mode, mount.mount.uid, mount.mount.gid),
       tree_.place_for(mount.mount.target, RootTree::Kind::file),
       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
       mount.mount.target);
}

// A socket of the step's own, on no disk; who answers at it is the runner's business. Read-only:
// its mode and owner stay as they are, and a socket can be connected to all the same.
void StepMounts::add_ssh(const ResolvedMount& mount) {
  if (!mount.agent) {
    if (!mount.mount.required) return;
    throw Error("ssh agent " + quoted(mount.mount.unkeyed.id) + " is required and not given");
  }
  const std::string name = next_hidden_name();
  FileDescriptor listener = listen_at(hidden(), name.c_str());
  const std::uint32_t mode = mount.mount.mode == 0 ? 0600 : mount.mount.mode;
  if (::fchmodat(hidden(), name.c_str(), mode, 0) != 0) throw system_error("fchmodat", name, errno);
  // As for a secret's file: with one id there is nobody else.
  if (ids_ != Ids::own && ::fchownat(hidden(), name.c_str(), mount.mount.uid, mount.mount.gid,
                                     AT_SYMLINK_NOFOLLOW) != 0) {
    throw owner_error(mount.mount.target, mount.mount.uid, mount.mount.gid, errno);
  }
  FileDescriptor socket(::openat(hidden(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!socket) throw system_error("openat", name, errno);
  bind(std::move(socket), tree_.place_for(mount.mount.target, RootTree::Kind::file),
       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
       mount.mount.target);
  agent_sockets_.push_back({std::move(listener), *mount.agent});
}

}  // namespace slipway
