// A container's root as one directory. That of one that runs is its own processes'; any other one
// is mounted as at a start, but in a namespace of this thread's, so that nobody else sees the
// mounts and they end with it, however it ends.
#include <executor/containers/container_tree.hpp>

#include <cache/containers/volumes.hpp>
#include <cache/store.hpp>
#include <executor/containers/joined_root.hpp>
#include <executor/containers/mounts.hpp>
#include <executor/containers/processes.hpp>
#include <executor/sandbox/root_tree.hpp>
#include <executor/snapshot/overlay.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

namespace slipway {
namespace {

class RunningTree : public ContainerTree {
 public:
  RunningTree(std::unique_ptr<PausedContainer> paused, FileDescriptor root)
      : paused_(std::move(paused)), root_(std::move(root)) {}
  const FileDescriptor& root() const override { return root_; }

 private:
  std::unique_ptr<PausedContainer> paused_;
  FileDescriptor root_;
};

void require(long result, const char* call, std::string_view path) {
  if (result != 0) throw system_error(call, path, errno);
}

void enter_own_mounts() {
  require(::unshare(CLONE_NEWNS), "unshare", "");
  // What the machine mounts meanwhile is still seen; nothing goes the other way.
  require(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr), "mount", "/");
}

void move_mount_to(const FileDescriptor& mount, int place, std::string_view path) {
  require(::syscall(SYS_move_mount, mount.get(), "", place, "",
                    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
          "move_mount", path);
}

void make_read_only(const FileDescriptor& mount) {
  struct mount_attr read_only {};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  require(
      ::syscall(SYS_mount_setattr, mount.get(), "", AT_EMPTY_PATH, &read_only, sizeof(read_only)),
      "mount_setattr", "");
}

class StoppedTree : public ContainerTree {
 public:
  StoppedTree(std::unique_ptr<PausedContainer> stopped, Store& store, const Container& container)
      : stopped_(std::move(stopped)), folder_(store.containers().folder(container.id)) {
    renew_work(folder_ / "work");
    std::vector<std::filesystem::path> lowers;
    for (const LayerRef& layer : container.layers)
      lowers.push_back(store.layers().directory(layer.diff_id));
    // Volatile: the end of a durable one waits until all that anybody has written is on the disk.
    root_ = mount_overlay(lowers, OverlayTop{folder_ / "upper", folder_ / "work"});
    if (std::any_of(container.config.mounts.begin(), container.config.mounts.end(), is_kept))
      add_mounts(store, container.config.mounts);
    if (container.config.read_only) make_read_only(root_);
  }
  ~StoppedTree() override {
    if (attached_) ::umount2((folder_ / "work").c_str(), MNT_DETACH);
  }

  const FileDescriptor& root() const override { return root_; }

 private:
  // What is in memory is there only while it runs.
  static bool is_kept(const ContainerMount& mount) {
    return mount.type != ContainerMount::Type::tmpfs;
  }

  void add_mounts(Store& store, std::vector<ContainerMount> mounts) {
    enter_own_mounts();
    // Anywhere in the namespace will do; nobody removes this folder as long as the lock is held.
    const FileDescriptor place(
        ::open((folder_ / "work").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!place) throw system_error("open", folder_.native(), errno);
    move_mount_to(root_, place.get(), folder_.native());
    attached_ = true;

    std::erase_if(mounts, [](const ContainerMount& mount) { return !is_kept(mount); });
    std::stable_sort(mounts.begin(), mounts.end(),
                     [](const ContainerMount& left, const ContainerMount& right) {
                       return left.target < right.target;
                     });
    RootTree tree(root_, folder_ / "upper");
    std::vector<FileDescriptor> trees;  // outlive `tree`
    for (const ContainerMount& mount : mounts) {
      const std::string source = mount.type == ContainerMount::Type::bind
                                     ? mount.source
                                     : store.volumes().directory(mount.source).string();
      const FileDescriptor there(::open(source.c_str(), O_PATH | O_CLOEXEC));
      struct stat status {};
      if (!there || ::fstat(there.get(), &status) != 0)
        throw system_error("open", "the mount's source " + source, errno);
      const auto place_there = tree.place_for(
          mount.target, S_ISDIR(status.st_mode) ? RootTree::Kind::directory : RootTree::Kind::file);
      trees.push_back(clone_whole_tree(
          there, MOUNT_ATTR_NODEV | (mount.read_only ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0)));
      move_mount_to(trees.back(), place_there.place.get(), mount.target);
      tree.add_mount(place_there, trees.back().get(), std::nullopt);
    }
    note_stubs(folder_, tree.take_stubs());
  }

  std::unique_ptr<PausedContainer> stopped_;
  const std::filesystem::path folder_;
  FileDescriptor root_;
  bool attached_ = false;
};

}  // namespace

std::unique_ptr<ContainerTree> open_container_tree(Store& store, const Container& container,
                                                   bool pause) {
  auto paused = std::make_unique<PausedContainer>(store, container, pause);
  if (!paused->runs()) return std::make_unique<StoppedTree>(std::move(paused), store, container);
  const ContainerState state = store.containers().state(container.id);
  const std::optional<HeldProcess> process = HeldProcess::open(state.process);
  if (!process) throw Error("the container " + quoted(container.name) + " has just ended");
  return std::make_unique<RunningTree>(std::move(paused), root_of(*process));
}

}  // namespace slipway
