#include <executor/sandbox/control_groups.hpp>

#include <executor/sandbox/control_hierarchies.hpp>
#include <ir/error.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view name_start = "slipway-step-";
// Memory last: with version 1 a process is in the others before its memory is counted.
constexpr const char* freezer = "freezer";
constexpr std::array controllers_used = {"pids", "cpuset", "cpu", "memory"};
// How often a group is tried to be removed whose last process is just ending, and the pause between.
constexpr int removal_tries = 100;
constexpr useconds_t removal_pause = 1000;

FileDescriptor open_in(int directory, const char* name, int flags) {
  return FileDescriptor(::openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW));
}

// Nothing where it cannot be read.
std::string content(int directory, const char* name) {
  const FileDescriptor file = open_in(directory, name, O_RDONLY);
  if (!file) return {};
  std::array<char, 4096> bytes{};
  const ssize_t got = ::read(file.get(), bytes.data(), bytes.size());
  return {bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

// The errno, or 0.
int write_value(int directory, const char* name, std::string_view value) {
  const FileDescriptor file = open_in(directory, name, O_WRONLY);
  if (!file) return errno;
  return ::write(file.get(), value.data(), value.size()) < 0 ? errno : 0;
}

bool lists(std::string_view words, std::string_view word) {
  for (std::size_t at = words.find(word); at != words.npos; at = words.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const auto ends = [](char c) { return c == ' ' || c == '\n'; };
    if ((at == 0 || ends(words[at - 1])) && (end == words.size() || ends(words[end]))) return true;
  }
  return false;
}

// The names of the groups in `directory`.
std::vector<std::string> groups_in(int directory) {
  std::vector<std::string> names;
  const int own = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(own < 0 ? nullptr : ::fdopendir(own),
                                                    ::closedir);
  if (!listing) return names;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.push_back(name);
  }
  return names;
}

// With the groups that a privileged step has made in it.
void remove_group(int parent, const char* name) noexcept {
  for (int tries = 0; tries < removal_tries; ++tries) {
    if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || (errno != EBUSY && errno != ENOTEMPTY)) {
      return;
    }
    try {
      if (const FileDescriptor group = open_in(parent, name, O_RDONLY | O_DIRECTORY)) {
        for (const std::string& inner : groups_in(group.get())) {
          remove_group(group.get(), inner.c_str());
        }
      }
    } catch (const std::bad_alloc&) {
      return;  // it stays for the next build
    }
    ::usleep(removal_pause);
  }
}

// Who makes a group holds a lock on it.
void remove_left_in(const fs::path& parent) {
  const FileDescriptor directory = open_in(AT_FDCWD, parent.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory) return;
  for (const std::string& name : groups_in(directory.get())) {
    if (!name.starts_with(name_start)) continue;
    const FileDescriptor left = open_in(directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY);
    if (!left || ::flock(left.get(), LOCK_EX | LOCK_NB) != 0) continue;
    // Its processes die with the builder; here the kernel can be told, should they take long.
    write_value(left.get(), "cgroup.kill", "1");
    // With version 1 they would stay as long as they stand still.
    write_value(left.get(), "freezer.state", "THAWED");
    remove_group(directory.get(), name.c_str());
  }
}

// One more hierarchy where none of those that are used anyway can.
void add_freezer(const std::vector<ControlHierarchy>& hierarchies,
                 std::vector<std::optional<std::vector<std::string>>>& used) {
  for (std::size_t i = 0; i < hierarchies.size(); ++i)
    if (used[i] && hierarchies[i].unified) return;
  for (std::size_t i = 0; i < hierarchies.size(); ++i) {
    const auto& known = hierarchies[i].controllers;
    if (hierarchies[i].unified || std::find(known.begin(), known.end(), freezer) == known.end())
      continue;
    if (!used[i]) used[i].emplace();
    used[i]->emplace_back(freezer);
    return;
  }
}

// With version 1 nothing can be in a group that has no processors or no memory.
void fill_cpuset(int directory, const fs::path& parent) {
  const FileDescriptor above = open_in(AT_FDCWD, parent.c_str(), O_RDONLY | O_DIRECTORY);
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    if (content(directory, file).find_first_not_of('\n') == std::string::npos) {
      write_value(directory, file, content(above.get(), file));
    }
  }
}

fs::path usual_parent(const ControlHierarchy& hierarchy) {
  if (!hierarchy.unified || hierarchy.own == hierarchy.mount) return hierarchy.own;
  return hierarchy.own.parent_path();
}

Error cannot_hold(const std::string& flag, const std::string& why) {
  return Error(flag + " cannot be held: " + why);
}

Error cannot_hold(const std::string& flag, const std::string& call, const fs::path& path,
                  int error) {
  Error result = cannot_hold(flag, call + " " + path.string() + ": " + std::strerror(error));
  if (error == EROFS || error == EACCES || error == EPERM) {
    result.hint(
        "slipway has to be allowed to make control groups: run it as root, or its container with "
        "--privileged; --cgroup-parent names a group that it may write to");
  } else if (error == EBUSY) {
    result.hint(
        "a control group with processes of its own cannot have groups with limits: name one "
        "without by --cgroup-parent, or start the container with --cgroupns=host");
  }
  return result;
}

}  // namespace

ControlGroup& ControlGroup::operator=(ControlGroup&& other) noexcept {
  std::swap(parts_, other.parts_);
  return *this;
}

std::vector<int> ControlGroup::doors() const {
  std::vector<int> doors;
  for (const Part& part : parts_) doors.push_back(part.door.get());
  return doors;
}

bool ControlGroup::out_of_memory() const {
  for (const Part& part : parts_) {
    // "oom_kill 3" is a line of both files, and groups without the controller have neither.
    const std::string events = "\n" + content(part.directory.get(), part.unified
                                                                        ? "memory.events"
                                                                        : "memory.oom_control");
    const std::size_t at = events.find("\noom_kill ");
    if (at != events.npos && events[at + 10] != '0') return true;
  }
  return false;
}

void ControlGroup::remove() noexcept {
  for (const Part& part : parts_) remove_group(AT_FDCWD, part.path.c_str());
  parts_.clear();
}

void ControlGroups::remove_left() noexcept {
  try {
    for (const ControlHierarchy& hierarchy : control_hierarchies()) {
      remove_left_in(usual_parent(hierarchy));
    }
  } catch (const std::exception&) {
    // Nobody asked for a group: what was left stays for the next time.
  }
}

ControlGroups::ControlGroups(const ResourceLimits& limits, bool freezes) {
  const std::vector<ControlHierarchy> hierarchies = control_hierarchies();
  std::vector<std::optional<std::vector<std::string>>> used(hierarchies.size());
  for (const std::string controller : controllers_used) {
    std::string flag;
    for (const ControlSetting& setting : control_settings(limits, controller, false)) {
      if (flag.empty()) flag = setting.flag;
    }
    if (flag.empty() && limits.cgroup_parent.empty()) continue;
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < hierarchies.size() && !found; ++i) {
      const ControlHierarchy& hierarchy = hierarchies[i];
      const auto& known = hierarchy.controllers;
      if (hierarchy.unified) {
        const FileDescriptor root =
            open_in(AT_FDCWD, hierarchy.mount.c_str(), O_RDONLY | O_DIRECTORY);
        if (root && lists(content(root.get(), "cgroup.controllers"), controller)) found = i;
      } else if (std::find(known.begin(), known.end(), controller) != known.end()) {
        found = i;
      }
    }
    if (found) {
      // With version 2 a controller is only asked for where it has something to do.
      if (!used[*found]) used[*found].emplace();
      if (!hierarchies[*found].unified || !flag.empty()) used[*found]->push_back(controller);
    } else if (!flag.empty()) {
      throw cannot_hold(flag, "this machine has no control groups with the controller " +
                                  quoted(controller))
          .hint("mount them at /sys/fs/cgroup, or leave the limit out");
    }
  }
  if (freezes) add_freezer(hierarchies, used);
  for (std::size_t i = 0; i < hierarchies.size(); ++i) {
    if (used[i]) add_place(hierarchies[i], limits, std::move(*used[i]));
  }
  if (places_.empty()) {
    throw cannot_hold("--cgroup-parent", "this machine has no control groups")
        .hint("mount them at /sys/fs/cgroup, or leave the flag out");
  }
  for (const Place& place : places_) {
    make_parent(place);
    remove_left_in(place.parent);
  }
  const ControlGroup tried = make();
}

ControlGroups::~ControlGroups() {
  for (auto path = made_.rbegin(); path != made_.rend(); ++path) ::rmdir(path->c_str());
}

void ControlGroups::add_place(const ControlHierarchy& hierarchy, const ResourceLimits& limits,
                              std::vector<std::string> controllers) {
  Place place;
  place.mount = hierarchy.mount;
  place.unified = hierarchy.unified;
  place.parent = usual_parent(hierarchy);
  if (!limits.cgroup_parent.empty()) {
    // As docker and BuildKit: from the root, with or without a slash, and never above it.
    const fs::path below = ("/" / fs::path(limits.cgroup_parent)).lexically_normal();
    place.parent = (hierarchy.mount / below.relative_path()).lexically_normal();
  }
  for (const std::string& controller : controllers) {
    for (ControlSetting& setting : control_settings(limits, controller, place.unified)) {
      place.settings.push_back(std::move(setting));
    }
  }
  place.freezes = place.unified || std::find(controllers.begin(), controllers.end(), freezer) !=
                                       controllers.end();
  place.controllers = std::move(controllers);
  places_.push_back(std::move(place));
}

// Makes the groups down to the parent that are not there, and lets each have groups with limits.
void ControlGroups::make_parent(const Place& place) {
  const std::string flag =
      place.settings.empty() ? std::string("--cgroup-parent") : place.settings.front().flag;
  std::vector<fs::path> chain{place.mount};
  for (const fs::path& name : place.parent.lexically_relative(place.mount)) {
    if (name != "." && !name.empty()) chain.push_back(chain.back() / name);
  }
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const fs::path& group = chain[i];
    if (i > 0 && ::mkdir(group.c_str(), 0755) == 0) {
      made_.push_back(group);
    } else if (i > 0 && errno != EEXIST) {
      throw cannot_hold(flag, "mkdir", group, errno);
    }
    const FileDescriptor directory = open_in(AT_FDCWD, group.c_str(), O_RDONLY | O_DIRECTORY);
    if (!directory) throw cannot_hold(flag, "open", group, errno);
    for (const std::string& controller : place.controllers) {
      if (!place.unified) {
        if (controller == "cpuset" && i > 0) fill_cpuset(directory.get(), chain[i - 1]);
        continue;
      }
      if (lists(content(directory.get(), "cgroup.subtree_control"), controller)) continue;
      const int error =
          write_value(directory.get(), "cgroup.subtree_control", "+" + controller);
      if (error != 0) {
        throw cannot_hold(flag, "write +" + controller + " to", group / "cgroup.subtree_control",
                          error);
      }
    }
  }
}

ControlGroup ControlGroups::make() {
  ControlGroup group;
  for (const Place& place : places_) group.parts_.push_back(make_at(place));
  return group;
}

ControlGroup::Part ControlGroups::make_at(const Place& place) {
  const std::string flag =
      place.settings.empty() ? std::string("--cgroup-parent") : place.settings.front().flag;
  ControlGroup::Part part;
  part.unified = place.unified;
  part.freezes = place.freezes;
  for (;;) {
    part.path = place.parent / (std::string(name_start) + std::to_string(::getpid()) + "-" +
                                std::to_string(next_++));
    if (::mkdir(part.path.c_str(), 0755) != 0) {
      // A builder of another process namespace may have the number as well.
      if (errno == EEXIST) continue;
      if (errno == ENOENT) {
        const std::lock_guard lock(mutex_);
        make_parent(place);
        continue;
      }
      throw cannot_hold(flag, "mkdir", part.path, errno);
    }
    part.directory = open_in(AT_FDCWD, part.path.c_str(), O_RDONLY | O_DIRECTORY);
    struct stat held {};
    struct stat there {};
    // Before it was locked, another builder may have taken it for one that was left.
    if (part.directory && ::flock(part.directory.get(), LOCK_EX | LOCK_NB) == 0 &&
        ::fstat(part.directory.get(), &held) == 0 && ::stat(part.path.c_str(), &there) == 0 &&
        held.st_ino == there.st_ino) {
      break;
    }
  }
  try {
    if (!place.unified && std::find(place.controllers.begin(), place.controllers.end(),
                                    "cpuset") != place.controllers.end()) {
      fill_cpuset(part.directory.get(), place.parent);
    }
    for (const ControlSetting& setting : place.settings) {
      const int error = write_value(part.directory.get(), setting.file.c_str(), setting.value);
      if (error == 0 || (error == ENOENT && setting.implied)) continue;
      if (error == ENOENT) {
        throw cannot_hold(setting.flag, "this kernel has no " + setting.file)
            .hint(setting.flag == "--memory-swap"
                      ? "it counts no swap: start it with swapaccount=1, or leave the limit out"
                      : "leave the limit out");
      }
      throw cannot_hold(setting.flag, "write " + setting.value + " to", part.path / setting.file,
                        error);
    }
    part.door = open_in(part.directory.get(), "cgroup.procs", O_WRONLY);
    if (!part.door) throw cannot_hold(flag, "open", part.path / "cgroup.procs", errno);
  } catch (...) {
    remove_group(AT_FDCWD, part.path.c_str());
    throw;
  }
  return part;
}

}  // namespace slipway
