// Control groups: the kernel's limits for all processes of a step together.
//
// Both versions, also mixed: a controller is used where it is mounted. With version 1 a step's group
// lies in slipway's own group, with version 2, whose inner groups cannot hold processes, beside it;
// --cgroup-parent says another place. A group is held by a lock on its directory for as long as the
// builder lives; one without was left by a builder that was killed, and the next one removes it.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/control_hierarchies.hpp>
#include <executor/sandbox/control_settings.hpp>
#include <ir/resource_limits.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// The group of one step: a directory in each hierarchy that is used. Removed at its end, by when no
// process may be in it.
class [[nodiscard]] ControlGroup {
 public:
  ControlGroup() = default;
  ControlGroup(ControlGroup&&) noexcept = default;
  ControlGroup& operator=(ControlGroup&& other) noexcept;
  ~ControlGroup() { remove(); }

  // A process that writes "0" to each of these is in the group.
  std::vector<int> doors() const;
  // Whether the kernel has killed one of its processes at the limit of memory.
  bool out_of_memory() const;
  void remove() noexcept;

  struct Part {
    std::filesystem::path path;
    FileDescriptor directory;  // locked
    FileDescriptor door;       // cgroup.procs
    bool unified = false;
    bool freezes = false;  // can hold all processes of the group still
  };
  const std::vector<Part>& parts() const { return parts_; }
  // Somebody else has descriptors of all of it, and removes it.
  void forget() noexcept { parts_.clear(); }

 private:
  friend class ControlGroups;
  std::vector<Part> parts_;
};

// Makes groups of one kind. May be used by several threads at once.
class ControlGroups {
 public:
  // Makes a group to see that all limits can be held, and removes it and what earlier builders left.
  // Throws Error that names the limit which cannot be held.
  // `freezes`: its groups can also be held still, where the kernel has that.
  explicit ControlGroups(const ResourceLimits& limits, bool freezes = false);
  ControlGroups(const ControlGroups&) = delete;
  ~ControlGroups();

  // Throws Error.
  ControlGroup make();

  // Removes what builders that were killed have left where groups are made without --cgroup-parent.
  static void remove_left() noexcept;

 private:
  // One hierarchy.
  struct Place {
    std::filesystem::path mount;
    std::filesystem::path parent;
    bool unified = false;
    bool freezes = false;
    std::vector<std::string> controllers;  // those that are used here
    std::vector<ControlSetting> settings;
  };
  void add_place(const ControlHierarchy& hierarchy, const ResourceLimits& limits,
                 std::vector<std::string> controllers);
  void make_parent(const Place& place);
  ControlGroup::Part make_at(const Place& place);

  std::vector<Place> places_;
  // Guards made_: another builder may take a parent away that both use, and any thread makes it
  // again.
  std::mutex mutex_;
  std::vector<std::filesystem::path> made_;  // parents that were not there, the innermost last
  std::atomic<std::uint64_t> next_{0};       // in the groups' names; by any thread
};

}  // namespace slipway
