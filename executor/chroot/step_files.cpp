#include <executor/chroot/step_files.hpp>

#include <cache/user_namespace.hpp>
#include <executor/sandbox/mount_source.hpp>
#include <executor/sandbox/network_files.hpp>
#include <executor/sandbox/standard_devices.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace slipway {
namespace {

using Mount = RunProcess::Mount;

void make_directory(int parent, const char* name, mode_t mode) {
  if (::mkdirat(parent, name, mode) != 0 || ::fchmodat(parent, name, mode, 0) != 0)
    throw system_error("mkdirat", std::string("/dev/") + name, errno);
}

void make_devices(int directory) {
  for (const Device& device : standard_devices) {
    if (::mknodat(directory, device.name, S_IFCHR | 0666, ::makedev(device.major, device.minor)) !=
        0) {
      Error error = system_error("mknodat", std::string("/dev/") + device.name, errno);
      if (errno == EPERM) {
        error.hint(in_user_namespace() ? "in a user namespace nobody can make devices: build with "
                                         "--isolation=sandbox, or be root outside of one"
                                       : "this container lacks CAP_MKNOD: add --cap-add=MKNOD");
      }
      throw error;
    }
    if (::fchmodat(directory, device.name, 0666, 0) != 0)
      throw system_error("fchmodat", device.name, errno);
  }
  for (const DeviceLink& link : standard_device_links) {
    if (::symlinkat(link.target, directory, link.name) != 0)
      throw system_error("symlinkat", link.name, errno);
  }
  const FileDescriptor null(::openat(directory, "null", O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!null) {
    throw system_error("open", "the step's /dev/null", errno)
        .hint(
            "the store lies on a file system without devices (nodev), or this container may not "
            "use them; give another --root");
  }
  make_directory(directory, "pts", 0755);
  make_directory(directory, "mqueue", 01777);
  make_directory(directory, "shm", 01777);
}

void make_scripts(int directory, const std::vector<RunProcess::Script>& scripts) {
  if (scripts.empty()) return;
  make_directory(directory, "pipes", 0755);
  for (const RunProcess::Script& script : scripts) {
    if (script.name.empty() || script.name == "." || script.name == ".." ||
        script.name.find('/') != std::string::npos)
      throw Error("a heredoc cannot be named " + quoted(script.name));
    const std::string path = "pipes/" + script.name;
    const FileDescriptor file(::openat(directory, path.c_str(),
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) throw system_error("openat", script.name, errno);
    write_all(file.get(), script.content, script.name);
    if (::fchmod(file.get(), 0755) != 0) throw system_error("fchmod", script.name, errno);
  }
}

void place_copy(Placements& placements, const ResolvedMount& mount,
                std::vector<std::shared_ptr<const OpenLayer>> layers, std::string_view within) {
  const MergedLayers merged = merge(std::move(layers));
  const std::string source = resolve(merged, within);
  const MergedLayers::Node* const node = merged.find(source);
  const bool file = node != nullptr && node->type != Entry::Type::directory;
  placements.copy(placements.root().place_for(
                      mount.mount.target, file ? RootTree::Kind::file : RootTree::Kind::directory),
                  merged, source);
}

void place_bind(Placements& placements, const ResolvedMount& mount, const LayerOpener& open_layer) {
  std::vector<std::shared_ptr<const OpenLayer>> layers;
  for (const auto& lower : mount.lowers) layers.push_back(open_layer(lower));
  if (mount.lowers.empty() && mount.directory) layers.push_back(open_layer(*mount.directory));
  place_copy(placements, mount, std::move(layers), mount.mount.source);
}

void place_secret(Placements& placements, const ResolvedMount& mount,
                  std::vector<std::string>& environment) {
  if (!mount.secret) {
    if (!mount.mount.required) return;
    throw Error("secret " + quoted(mount.mount.unkeyed.id) + " is required and not given");
  }
  if (!mount.mount.env.empty()) {
    if (mount.secret->find('\0') != std::string::npos)
      throw Error("secret " + quoted(mount.mount.unkeyed.id) +
                  " holds a zero byte: it cannot be a variable");
    environment.push_back(mount.mount.env + "=" + *mount.secret);
  }
  if (mount.mount.target.empty()) return;
  placements.file(placements.root().place_for(mount.mount.target, RootTree::Kind::file),
                  *mount.secret, mount.mount.mode == 0 ? 0400 : mount.mount.mode, mount.mount.uid,
                  mount.mount.gid);
}

void place_ssh(Placements& placements, const ResolvedMount& mount,
               std::vector<AgentSocket>& agents) {
  if (!mount.agent) {
    if (!mount.mount.required) return;
    throw Error("ssh agent " + quoted(mount.mount.unkeyed.id) + " is required and not given");
  }
  FileDescriptor listener = placements.socket(
      placements.root().place_for(mount.mount.target, RootTree::Kind::file),
      mount.mount.mode == 0 ? 0600 : mount.mount.mode, mount.mount.uid, mount.mount.gid);
  agents.push_back({std::move(listener), *mount.agent});
}

void place_cache(Placements& placements, const ResolvedMount& mount,
                 const LayerOpener& open_layer) {
  if (!mount.directory) throw Error("a cache mount without a directory");
  // One that began as another tree's directory is that directory.
  const std::string within = mount.mount.input == 0 ? mount.mount.source : "";
  // Nothing here can refuse a write: what a step writes goes into a copy, and with it.
  if (mount.mount.read_only)
    return place_copy(placements, mount, {open_layer(*mount.directory)}, within);
  const FileDescriptor kept(::open(mount.directory->c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!kept) throw system_error("open", mount.directory->string(), errno);
  const FileDescriptor source = open_source(kept.get(), within);
  placements.lend(placements.root().place_for(mount.mount.target, kind_of(source)), source);
}

// One directory cannot be at two places.
void require_single_caches(const std::vector<ResolvedMount>& mounts) {
  for (auto one = mounts.begin(); one != mounts.end(); ++one) {
    const auto same = std::find_if(mounts.begin(), one, [&](const ResolvedMount& other) {
      return one->mount.type == Mount::Type::cache && other.mount.type == Mount::Type::cache &&
             other.directory == one->directory;
    });
    if (same == one) continue;
    throw Error("the cache mounts " + quoted(same->mount.target) + " and " +
                quoted(one->mount.target) + " are one: without mounts it cannot be at both places")
        .hint("give them an id each, or build with --isolation=sandbox");
  }
}

}  // namespace

void place_kernel_directories(Placements& placements, const RunProcess& operation) {
  placements.directory(placements.root().place_for_kernel("proc"), 0555);
  placements.directory(placements.root().place_for_kernel("sys"), 0555);
  const int dev = placements.directory(placements.root().place_for_kernel("dev"), 0755);
  make_devices(dev);
  make_scripts(dev, operation.scripts);
}

void place_network_files(Placements& placements, const RunProcess& operation) {
  const auto place = [&placements](const char* path, const std::string& content) {
    placements.file(placements.root().place_for(path, RootTree::Kind::file), content, 0644, 0, 0);
  };
  place("/etc/resolv.conf", resolv_conf());
  place("/etc/hosts", hosts_file(operation, loopback_address));
}

Requested place_requested(Placements& placements, const RunRequest& request,
                          const LayerOpener& open_layer) {
  require_single_caches(request.mounts);
  // Outer ones first, in whatever order they were written.
  std::vector<const ResolvedMount*> mounts;
  for (const ResolvedMount& mount : request.mounts) mounts.push_back(&mount);
  std::stable_sort(mounts.begin(), mounts.end(),
                   [](const auto* a, const auto* b) { return a->mount.target < b->mount.target; });
  Requested requested;
  for (const ResolvedMount* mount : mounts) {
    const bool variable = mount->mount.type == Mount::Type::secret && !mount->mount.env.empty();
    if (!variable && mount->mount.target.find_first_not_of('/') == std::string::npos)
      throw Error("a mount at " + quoted(mount->mount.target) + " would hide the whole root");
    switch (mount->mount.type) {
      case Mount::Type::bind:
        place_bind(placements, *mount, open_layer);
        break;
      case Mount::Type::cache:
        place_cache(placements, *mount, open_layer);
        break;
      case Mount::Type::tmpfs:
        placements.directory(
            placements.root().place_for(mount->mount.target, RootTree::Kind::directory),
            mount->mount.mode == 0 ? 01777 : mount->mount.mode);
        break;
      case Mount::Type::secret:
        place_secret(placements, *mount, requested.environment);
        break;
      case Mount::Type::ssh:
        place_ssh(placements, *mount, requested.agents);
        break;
    }
  }
  return requested;
}

}  // namespace slipway
