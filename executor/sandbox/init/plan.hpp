// What the builder tells slipway-init to do: one sealed piece of memory, read in place.
//
// All is done in the order of Stage. Offsets count bytes from the start of the plan; a text ends
// with a zero byte, and so does the plan. The builder has resolved every path of the image
// already: a mount's target is a descriptor, never a name.
#pragma once

#include <cstdint>

namespace slipway::init {

// The descriptors init is born with; those of the plan's mounts follow.
enum Handed : int {
  handed_input = 0,
  handed_output = 1,
  handed_error = 2,
  handed_plan = 3,
  handed_report = 4,    // init writes one Report when it fails; the program's start closes it
  handed_lifeline = 5,  // hangs up when the builder is gone
  handed_first = 6,
};

struct MountAction {
  enum Kind : std::uint32_t {
    attach,      // the detached mount `source` goes to `target`
    bind,        // a clone of what lies at `source` goes to `target`
    file_system  // a new one of the type `text` goes to `target`
  };
  // A target that is gone again before the program starts: for what others are cloned from.
  static constexpr std::int32_t shelf = -1;
  static constexpr std::uint32_t most = 1024;

  Kind kind;
  std::int32_t source;       // descriptor
  std::int32_t target;       // descriptor, `shelf`, or with `inside` ignored
  std::uint32_t inside;      // not 0: the target is `text` in what the action `inside - 1` mounted
  std::uint32_t attributes;  // MOUNT_ATTR_..., of bind and file_system
  std::uint32_t text;        // offset; resolved, without links
};

struct Limit {
  std::uint64_t soft;
  std::uint64_t hard;
  std::uint32_t resource;  // RLIMIT_...
  std::uint32_t unused;
};

struct List {
  std::uint32_t offset;
  std::uint32_t count;
};

struct Plan {
  static constexpr std::uint32_t right_magic = 0x736c7031;
  static constexpr std::uint32_t loopback_up = 1;         // a network of its own
  static constexpr std::uint32_t own_control_groups = 2;  // show the cgroup2 tree in /sys
  static constexpr std::uint32_t scope_sockets = 4;       // Landlock: no abstract sockets outside
  static constexpr std::uint32_t insecure = 8;            // all writable
  static constexpr std::uint32_t fake_ids = 16;           // there is one id: fake_ids.hpp
  static constexpr std::uint32_t terminal = 32;           // the input is one, and the program's own
  // No namespaces: the root is a directory, and init answers for all that the step has started.
  static constexpr std::uint32_t bare = 64;
  // The program takes init's place as PID 1. Not with fake_ids, which init answers for.
  static constexpr std::uint32_t first_process = 128;
  static constexpr std::uint32_t keeps_capabilities = 256;  // whoever the user is, past an exec too
  static constexpr std::uint32_t no_new_privileges = 512;   // set-user-ID means nothing
  // The program goes into a container that runs (join.cpp), beside what is there. It gets the root,
  // mounts, masks, host's name and network that it finds.
  static constexpr std::uint32_t joins = 1U << 16;

  std::uint32_t magic;
  std::uint32_t size;  // of all, bytes
  std::uint32_t flags;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t hostname;
  std::uint32_t working_directory;
  std::uint32_t search_path;   // what PATH holds
  std::uint64_t capabilities;  // bounding, permitted and effective; the others are empty
  std::int32_t root;           // descriptor of the root's mount, or with `bare` of its directory
  std::int32_t processes;      // with `bare`: descriptor of the host's /proc
  std::uint32_t unused;
  std::int32_t shelf;          // descriptor of a directory in it that the first action mounts upon
  List mounts;                 // MountAction
  List masked;                 // offsets of paths that are to show nothing
  List read_only;              // offsets of paths that are not to be written
  List limits;                 // Limit
  List groups;                 // std::uint32_t
  List filter;                 // instructions of the seccomp filter, 8 bytes each; none: no filter
  List arguments;              // offsets
  List environment;            // offsets
  // With `joins`:
  std::int32_t joined;         // pidfd of a process there
  std::uint32_t namespaces;    // CLONE_NEW... that are not this process's own
  std::int32_t outer;          // of the program's terminal; -1: none
  std::uint32_t unused_too;
  List doors;                  // std::int32_t: descriptors of its control groups' cgroup.procs
};

enum class Stage : std::uint32_t {
  plan = 1,
  session,
  mounts,
  root,
  control_groups,
  masked_paths,
  read_only_paths,
  hostname,
  network,
  signals,
  process,  // the fork: from here on it is the program's process
  limits,
  working_directory,
  outside,  // the working directory is none of the root's
  bounding_set,
  landlock,
  ids,
  filter,
  capabilities,
  groups,
  user,
  program,
  control_group,  // of a container that is joined
  namespaces,
};

struct Report {
  Stage stage;
  std::uint32_t index;  // which element of the stage's list
  std::int32_t error;   // errno
};

}  // namespace slipway::init
