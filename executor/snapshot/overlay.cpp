#include <executor/snapshot/overlay.hpp>

#include <cache/layers/overlay_marks.hpp>
#include <cache/remove_tree.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <string>
#include <thread>
#include <utility>

namespace slipway {
namespace {

constexpr std::uint64_t always = MOUNT_ATTR_NODEV;
constexpr std::size_t most_layers = 500;  // the kernel's OVL_MAX_STACK

// No format that only this kernel's overlay can read: a layer is files, whiteouts and opaque
// marks. Without an index a hard link that is written to becomes a file of its own.
struct Option {
  const char* name;
  const char* value;
};
constexpr std::array portable = {Option{"redirect_dir", "nofollow"}, Option{"metacopy", "off"},
                                 Option{"index", "off"}};

FileDescriptor open_directory(const std::filesystem::path& path) {
  FileDescriptor directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) throw system_error("open", path.string(), errno);
  return directory;
}

// What the kernel had to say about a file system context.
std::string complaint(int context) {
  std::array<char, 512> text{};
  const ssize_t size = ::read(context, text.data(), text.size());
  return size <= 0 ? "" : " (" + std::string(text.data(), static_cast<std::size_t>(size)) + ")";
}

class Context {
 public:
  Context() : context_(static_cast<int>(::syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC))) {
    if (!context_) throw system_error("fsopen", "overlay", errno);
  }
  bool set(const char* name, const char* value) {
    return ::syscall(SYS_fsconfig, context_.get(),
                     value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, name, value,
                     0) == 0;
  }
  void require(const char* name, const char* value) {
    if (!set(name, value)) fail(name, value == nullptr ? "" : value);
  }
  FileDescriptor mount() {
    if (::syscall(SYS_fsconfig, context_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
      fail("overlay", "");
    }
    FileDescriptor mount(
        static_cast<int>(::syscall(SYS_fsmount, context_.get(), FSMOUNT_CLOEXEC, always)));
    if (!mount) throw system_error("fsmount", "overlay", errno);
    return mount;
  }

 private:
  [[noreturn]] void fail(const std::string& what, const std::string& value) {
    const int error = errno;
    throw system_error("fsconfig " + what, value + complaint(context_.get()), error);
  }
  FileDescriptor context_;
};

// The layers under short names: a path may be longer than the 255 bytes that fsconfig takes, and
// may hold the characters that overlay's options give a meaning to.
class Names {
 public:
  std::string of(const std::filesystem::path& path) {
    kept_.push_back(open_directory(path));
    return "/proc/self/fd/" + std::to_string(kept_.back().get());
  }

 private:
  std::vector<FileDescriptor> kept_;
};

// Nothing where this kernel does not take layers one by one.
std::optional<FileDescriptor> mount_by_layers(const std::vector<std::filesystem::path>& lowers,
                                              const std::optional<OverlayTop>& top) {
  // Before Linux 6.5 an overlay takes any option, and refuses them all when it is mounted.
  static const bool takes_anything = Context().set("slipway", nullptr);
  if (takes_anything) return std::nullopt;
  Names names;
  Context context;
  for (auto lower = lowers.rbegin(); lower != lowers.rend(); ++lower) {
    if (!context.set("lowerdir+", names.of(*lower).c_str())) {
      if (errno == EINVAL && lower == lowers.rbegin()) return std::nullopt;
      throw system_error("fsconfig lowerdir+", lower->string(), errno);
    }
  }
  if (top) {
    context.require("upperdir", names.of(top->upper).c_str());
    context.require("workdir", names.of(top->work).c_str());
    if (!top->durable) context.require("volatile", nullptr);
  }
  for (const Option& option : portable) context.require(option.name, option.value);
  if (overlay_marks() == OverlayMarks::user) context.require("userxattr", nullptr);
  return context.mount();
}

// The options as one text.
std::string options_of(const std::vector<std::filesystem::path>& lowers,
                       const std::optional<OverlayTop>& top, Names& names) {
  std::string options;
  for (auto lower = lowers.rbegin(); lower != lowers.rend(); ++lower) {
    options += (options.empty() ? "lowerdir=" : ":") + names.of(*lower);
  }
  if (top) {
    options += ",upperdir=" + names.of(top->upper) + ",workdir=" + names.of(top->work) +
               (top->durable ? "" : ",volatile");
  }
  for (const Option& option : portable) {
    options += std::string(",") + option.name + "=" + option.value;
  }
  if (overlay_marks() == OverlayMarks::user) options += ",userxattr";
  constexpr std::size_t page = 4096;
  if (options.size() >= page) {
    throw Error("a root file system of " + std::to_string(lowers.size()) +
                " layers: before Linux 6.8 an overlay takes about 200");
  }
  return options;
}

// For a thread that nobody else needs any more: it gets a mount namespace of its own.
FileDescriptor mount_and_detach(const std::vector<std::filesystem::path>& lowers,
                                const std::optional<OverlayTop>& top) {
  if (::unshare(CLONE_NEWNS) != 0) throw system_error("unshare", "", errno);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    throw system_error("mount", "/", errno);
  }
  // Opened here, because an overlay takes directories of its own namespace only.
  Names names;
  const std::string options = options_of(lowers, top, names);
  const char* place = lowers.front().c_str();
  if (::mount("overlay", place, "overlay", MS_NODEV, options.c_str()) != 0) {
    throw system_error("mount overlay", place, errno);
  }
  FileDescriptor result(static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, place, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!result) throw system_error("open_tree", place, errno);
  return result;
}

// mount(2) needs a place in a tree. In a thread's own one a kill at no moment leaves it behind.
FileDescriptor mount_by_options(const std::vector<std::filesystem::path>& lowers,
                                const std::optional<OverlayTop>& top) {
  FileDescriptor result;
  std::exception_ptr failure;
  std::thread([&] {
    try {
      result = mount_and_detach(lowers, top);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
  return result;
}

}  // namespace

FileDescriptor mount_overlay(const std::vector<std::filesystem::path>& lowers,
                             const std::optional<OverlayTop>& top, OverlayCalls calls) {
  if (lowers.empty() && top) return clone_tree(open_directory(top->upper), always);
  if (lowers.empty()) throw Error("an overlay of no directories");
  if (lowers.size() == 1 && !top) {
    return clone_tree(open_directory(lowers.front()), always | MOUNT_ATTR_RDONLY);
  }
  if (lowers.size() > most_layers) {
    throw Error("a root file system of " + std::to_string(lowers.size()) +
                " layers: an overlay takes " + std::to_string(most_layers))
        .hint("join instructions, or copy the files of a stage into a new one");
  }
  std::optional<FileDescriptor> mount;
  if (calls == OverlayCalls::newest) mount = mount_by_layers(lowers, top);
  if (!mount) mount = mount_by_options(lowers, top);

  // The kernel falls back to a read-only mount where it cannot write to the upper directory.
  struct statvfs status {};
  if (::fstatvfs(mount->get(), &status) != 0) throw system_error("fstatvfs", "overlay", errno);
  if (top && (status.f_flag & ST_RDONLY) != 0) {
    throw Error("the overlay above " + quoted(top->upper.string()) + " cannot be written")
        .hint(
            "`dmesg` has the kernel's reason; the store must lie on a file system that can be "
            "an overlay's upper layer, such as ext4, xfs, btrfs or tmpfs");
  }
  return std::move(*mount);
}

namespace {

FileDescriptor cloned(int source, const char* path, unsigned how, std::uint64_t attributes,
                      std::uint64_t propagation = 0) {
  FileDescriptor tree(static_cast<int>(
      ::syscall(SYS_open_tree, source, path, how | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree) throw system_error("open_tree", path, errno);
  struct mount_attr changed {};
  changed.attr_set = attributes;
  changed.propagation = propagation;
  if ((attributes != 0 || propagation != 0) &&
      ::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH | (how & AT_RECURSIVE), &changed,
                sizeof(changed)) != 0) {
    throw system_error("mount_setattr", path, errno);
  }
  return tree;
}

}  // namespace

void renew_work(const std::filesystem::path& work) {
  if (::rmdir(work.c_str()) != 0 && errno != ENOENT) {
    if (const auto failure = remove_tree(work))
      throw Error("cannot remove " + quoted(work.string()) + ": " + failure.message());
  }
  if (::mkdir(work.c_str(), 0700) != 0) throw system_error("mkdir", work.string(), errno);
}

FileDescriptor clone_tree(const FileDescriptor& source, std::uint64_t attributes) {
  return cloned(source.get(), "", AT_EMPTY_PATH, attributes);
}

FileDescriptor clone_whole_tree(const FileDescriptor& source, std::uint64_t attributes) {
  return cloned(source.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, attributes, MS_PRIVATE);
}

FileDescriptor clone_whole_tree(const char* path, std::uint64_t attributes) {
  return cloned(AT_FDCWD, path, AT_RECURSIVE, attributes);
}

}  // namespace slipway
