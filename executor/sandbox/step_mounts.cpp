#include <executor/sandbox/step_mounts.hpp>

#include <cache/layers/recorded_ids.hpp>
#include <executor/sandbox/file_system.hpp>
#include <executor/sandbox/mount_source.hpp>
#include <executor/sandbox/network_files.hpp>
#include <executor/sandbox/standard_devices.hpp>
#include <executor/snapshot/overlay.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace slipway {
namespace {

constexpr std::uint64_t harmless = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
constexpr std::uint64_t default_shm_size = 64 << 20;  // docker's

// What BuildKit gives an insecure step besides: messages of the kernel, file systems of its own,
// virtual machines, network devices, loop devices.
constexpr std::array insecure_devices = {
    Device{"kmsg", 1, 11},  Device{"cuse", 10, 203},    Device{"fuse", 10, 229},
    Device{"kvm", 10, 232}, Device{"net/tun", 10, 200}, Device{"loop-control", 10, 237}};
constexpr unsigned loop_major = 7;
constexpr unsigned spare_loop_devices = 8;

// Of what is mounted here and not in a step without mounts.
constexpr std::array mount_links = {DeviceLink{"ptmx", "pts/ptmx"},
                                    DeviceLink{"core", "/proc/kcore"}};

void make_link(int parent, const DeviceLink& link) {
  if (::symlinkat(link.target, parent, link.name) != 0)
    throw system_error("symlinkat", link.name, errno);
}

FileDescriptor make_directory(int parent, const char* name, mode_t mode) {
  // Twice, because the builder's umask takes its part of the first.
  if (::mkdirat(parent, name, mode) != 0 || ::fchmodat(parent, name, mode, 0) != 0) {
    throw system_error("mkdirat", name, errno);
  }
  FileDescriptor made(::openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made) throw system_error("openat", name, errno);
  return made;
}

FileDescriptor make_file(int parent, const std::string& name, std::string_view content,
                         mode_t mode) {
  const FileDescriptor file(
      ::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw system_error("openat", name, errno);
  write_all(file.get(), content, name);
  if (::fchmod(file.get(), mode) != 0) throw system_error("fchmod", name, errno);
  FileDescriptor made(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!made) throw system_error("openat", name, errno);
  return made;
}

void make_node(int parent, const std::string& name, mode_t type, unsigned major, unsigned minor) {
  constexpr mode_t mode = 0666;
  // Twice, because the builder's umask takes its part of the first.
  if (::mknodat(parent, name.c_str(), type | mode, ::makedev(major, minor)) != 0 ||
      ::fchmodat(parent, name.c_str(), mode, 0) != 0) {
    throw system_error("mknodat", "/dev/" + name, errno);
  }
}

// 0 where this machine has no loop devices.
unsigned first_free_loop_device() {
  const FileDescriptor control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  const int number = control ? ::ioctl(control.get(), LOOP_CTL_GET_FREE) : 0;
  return number < 0 ? 0 : static_cast<unsigned>(number);
}

// A place whose mount is attached as it is, and in which nobody else has a mount.
RootTree::Place in_devices(FileDescriptor place) {
  return {std::move(place), {}, -1, {}};
}

// Read-only, so that a step's chmod of its /dev/null does not reach the host's; a device can be
// written all the same.
FileDescriptor host_device(const Device& device) {
  const std::string path = std::string("/dev/") + device.name;
  const FileDescriptor node(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!node || ::fstat(node.get(), &status) != 0) throw system_error("open", path, errno);
  if (!S_ISCHR(status.st_mode) || status.st_rdev != ::makedev(device.major, device.minor)) {
    throw Error("this machine's " + path + " is not the device of that name");
  }
  return clone_tree(node, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

// An overlay also where nothing is below: in it nobody can make what a layer takes for a deletion,
// and it can be made read-only whoever has it open.
FileDescriptor mount_root(const RunRequest& request) {
  if (!request.lowers.empty()) {
    return mount_overlay(request.lowers, OverlayTop{request.upper, request.work, request.durable});
  }
  const auto nothing = request.work / "nothing";
  const OverlayTop top{request.upper, request.work / "work", request.durable};
  std::filesystem::create_directory(nothing);
  std::filesystem::create_directory(top.work);
  return mount_overlay({nothing}, top);
}

}  // namespace

StepMounts::StepMounts(const RunRequest& request, const StepRights& rights, Ids ids)
    : request_(request),
      rights_(rights),
      ids_(ids),
      root_number_(hand(mount_root(request))),
      tree_(descriptors_.front(), request.upper) {}

FileDescriptor StepMounts::root_mount() const {
  FileDescriptor root(::fcntl(descriptors_.front().get(), F_DUPFD_CLOEXEC, 0));
  if (!root) throw system_error("fcntl", "", errno);
  return root;
}

int StepMounts::hand(FileDescriptor descriptor) {
  descriptors_.push_back(std::move(descriptor));
  return init::handed_first + static_cast<int>(descriptors_.size()) - 1;
}

int StepMounts::act(init::MountAction action, RootTree::Place place, const std::string& label) {
  if (place.action >= 0) {
    action.inside = static_cast<std::uint32_t>(place.action) + 1;
    action.text = static_cast<std::uint32_t>(texts_.size());
    texts_.push_back(place.inside);
  } else {
    action.target = place.place ? hand(std::move(place.place)) : init::MountAction::shelf;
  }
  actions_.push_back(action);
  labels_.push_back(label);
  return static_cast<int>(actions_.size()) - 1;
}

int StepMounts::attach(FileDescriptor mount, RootTree::Place place, const std::string& label) {
  init::MountAction action{};
  action.kind = init::MountAction::attach;
  action.source = hand(std::move(mount));
  return act(action, std::move(place), label);
}

int StepMounts::bind(FileDescriptor source, RootTree::Place place, std::uint64_t attributes,
                     const std::string& label) {
  init::MountAction action{};
  action.kind = init::MountAction::bind;
  action.source = hand(std::move(source));
  action.attributes = static_cast<std::uint32_t>(attributes);
  return act(action, std::move(place), label);
}

// Only for places in the root itself: the action's text is the type.
int StepMounts::file_system(const std::string& type, RootTree::Place place,
                            std::uint64_t attributes) {
  init::MountAction action{};
  action.kind = init::MountAction::file_system;
  action.attributes = static_cast<std::uint32_t>(attributes);
  action.text = static_cast<std::uint32_t>(texts_.size());
  texts_.push_back(type);
  return act(action, std::move(place), type);
}

void StepMounts::shelve(FileDescriptor mount, const std::string& label) {
  attach(std::move(mount), RootTree::Place{}, label);
}

int StepMounts::hidden() {
  if (hidden_ < 0) {
    FileDescriptor mount = new_file_system("tmpfs", {{"mode", "700"}}, harmless);
    hidden_ = mount.get();
    shelve(std::move(mount), "memory");
  }
  return hidden_;
}

FileDescriptor StepMounts::hidden_file(std::string_view content, std::uint32_t mode,
                                       std::uint32_t uid, std::uint32_t gid) {
  const std::string name = next_hidden_name();
  FileDescriptor file = make_file(hidden(), name, content, mode);
  // With one id there is nobody else to give it to: the step's program is that one, whoever it is.
  if (ids_ != Ids::own && ::fchownat(hidden_, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
    throw owner_error(name, uid, gid, errno);
  }
  return file;
}

void StepMounts::add_kernel_file_systems(bool own_network) {
  const bool writable = rights_.insecure();
  auto proc = tree_.place_for_kernel("proc");
  tree_.add_foreign_mount(proc);
  file_system("proc", std::move(proc), harmless);
  shelf_number_ = actions_.back().target;
  auto sys = tree_.place_for_kernel("sys");
  tree_.add_foreign_mount(sys);
  const std::uint64_t sys_attributes = harmless | (writable ? 0 : MOUNT_ATTR_RDONLY);
  if (own_network || !in_user_namespace()) {
    file_system("sysfs", std::move(sys), sys_attributes);
  } else {
    // The kernel gives one only to the owner of the network that it shows.
    attach(clone_whole_tree("/sys", sys_attributes), std::move(sys), "sysfs");
    host_sys_ = true;
  }
  add_devices();
}

// A file system of its own, on which no device can be opened: the capability to make devices must
// not be one to open the host's disk. The few that every program needs are bound in. An insecure
// step may open what it makes.
void StepMounts::add_devices() {
  auto place = tree_.place_for_kernel("dev");
  FileDescriptor mount =
      new_file_system("tmpfs", {{"mode", "755"}, {"size", "65536k"}},
                      MOUNT_ATTR_NOSUID | (rights_.insecure() ? 0 : MOUNT_ATTR_NODEV));
  devices_ = mount.get();
  tree_.add_mount(place, devices_, std::nullopt);
  attach(std::move(mount), std::move(place), "/dev");

  for (const Device& device : standard_devices) {
    attach(host_device(device), in_devices(make_file(devices_, device.name, "", 0666)),
           std::string("/dev/") + device.name);
  }
  // Nobody makes devices in a user namespace, and nobody could open them.
  if (rights_.insecure() && !in_user_namespace()) make_all_devices();
  for (const DeviceLink& link : standard_device_links) make_link(devices_, link);
  for (const DeviceLink& link : mount_links) {
    // A kernel without it: no link to nothing.
    if (link.target == std::string_view("/proc/kcore") && ::access(link.target, F_OK) != 0)
      continue;
    make_link(devices_, link);
  }
  std::vector<std::pair<std::string, std::string>> options = {
      {"newinstance", ""}, {"ptmxmode", "0666"}, {"mode", "0620"}};
  if (ids_ != Ids::own) options.emplace_back("gid", "5");  // the group tty
  FileDescriptor terminals =
      new_file_system("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  terminals_ = terminals.get();
  attach(std::move(terminals), in_devices(make_directory(devices_, "pts", 0755)), "/dev/pts");
  const std::uint64_t asked = request_.operation->shm_size;
  const std::string size = std::to_string(asked == 0 ? default_shm_size : asked);
  FileDescriptor shared = new_file_system("tmpfs", {{"mode", "1777"}, {"size", size}}, harmless);
  RootTree::Place shm{make_directory(devices_, "shm", 0755), "dev/shm", -1, {}};
  tree_.add_mount(shm, shared.get(), std::nullopt);
  attach(std::move(shared), std::move(shm), "/dev/shm");
  file_system("mqueue", in_devices(make_directory(devices_, "mqueue", 0755)), harmless);
}

void StepMounts::make_all_devices() {
  const FileDescriptor net = make_directory(devices_, "net", 0755);
  for (const Device& device : insecure_devices) {
    make_node(devices_, device.name, S_IFCHR, device.major, device.minor);
  }
  const unsigned loops = first_free_loop_device() + spare_loop_devices;
  for (unsigned minor = 0; minor < loops; ++minor) {
    make_node(devices_, "loop" + std::to_string(minor), S_IFBLK, loop_major, minor);
  }
}

void StepMounts::add_scripts() {
  if (request_.operation->scripts.empty()) return;
  const FileDescriptor pipes = make_directory(devices_, "pipes", 0755);
  for (const RunProcess::Script& script : request_.operation->scripts) {
    if (script.name.empty() || script.name == "." || script.name == ".." ||
        script.name.find('/') != std::string::npos) {
      throw Error("a heredoc cannot be named " + quoted(script.name));
    }
    const FileDescriptor made = make_file(pipes.get(), script.name, script.content, 0755);
  }
}

void StepMounts::add_network_files(const std::string& resolv_conf, const std::string& gateway) {
  const auto add = [this](const char* path, const std::string& content) {
    bind(hidden_file(content, 0644, 0, 0), tree_.place_for(path, RootTree::Kind::file),
         harmless | MOUNT_ATTR_RDONLY, path);
  };
  add("/etc/resolv.conf", resolv_conf);
  add("/etc/hosts", hosts_file(*request_.operation, gateway));
}

void StepMounts::add_tree(FileDescriptor tree, const std::string& target) {
  auto place = tree_.place_for(target, kind_of(tree));
  tree_.add_mount(place, tree.get(), std::nullopt);
  attach(std::move(tree), std::move(place), target);
}

void StepMounts::add_console(const FileDescriptor& terminal) {
  FileDescriptor source(::fcntl(terminal.get(), F_DUPFD_CLOEXEC, 0));
  if (!source) throw system_error("fcntl", "/dev/console", errno);
  bind(std::move(source), in_devices(make_file(devices_, "console", "", 0620)),
       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "/dev/console");
}

void StepMounts::make_root_read_only() {
  struct mount_attr changed {};
  changed.attr_set = MOUNT_ATTR_RDONLY;
  if (::syscall(SYS_mount_setattr, descriptors_.front().get(), "", AT_EMPTY_PATH, &changed,
                sizeof(changed)) != 0) {
    throw system_error("mount_setattr", "/", errno);
  }
}

}  // namespace slipway
