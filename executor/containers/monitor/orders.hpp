// What the monitor of a container is told by who starts it: one sealed piece of memory, read in
// place. Offsets count bytes from the start; a text ends with a zero byte, and so do the orders.
//
// It is born with the descriptors that the container's first process needs, in the order of
// init::Handed, and behind them its own from `own` on: the process is a copy of it and has only to
// close those.
#pragma once

#include <executor/sandbox/init/plan.hpp>

#include <cstdint>

namespace slipway::monitor {

// The numbers of its own descriptors, counted from Orders::own. What else was handed it holds.
enum Own : std::int32_t {
  own_orders,
  own_lock,      // of the container, locked
  own_folder,    // of the container
  own_starter,   // the connection of who starts it
  own_report,    // the other end of the process's
  own_lifeline,  // the other end of the process's
  own_input,     // the other end of the program's input, or its terminal's; /dev/null: it has none
  own_output,    // the same of its output; the terminal's once more
  own_error,     // the same of its error output; /dev/null with a terminal
  own_program,   // slipway's, which runs the hooks
  own_null,
  own_first,  // more, as `Orders` numbers them
};

// A group that the process joins, and that is removed when it has ended.
struct Group {
  std::int32_t directory;                      // locked; by its number among `own`
  std::int32_t door;                           // cgroup.procs
  std::uint32_t path;                          // offset
  std::uint32_t kind;                          // bits
  static constexpr std::uint32_t unified = 1;  // version 2
  static constexpr std::uint32_t freezer = 2;  // can hold all processes of the group still
};

struct Orders {
  static constexpr std::uint32_t right_magic = 0x736c6d31;
  static constexpr std::uint32_t terminal = 1;
  static constexpr std::uint32_t keeps_log = 2;
  static constexpr std::uint32_t input_once = 4;  // the input ends with a client that gives some
  static constexpr std::uint32_t attached = 8;    // who starts it is
  static constexpr std::uint32_t auto_remove = 16;
  static constexpr std::uint32_t removes = 32;  // who starts it will

  std::uint32_t magic;
  std::uint32_t size;
  std::uint32_t flags;
  std::int32_t own;           // the first of its own descriptors
  std::uint64_t namespaces;   // CLONE_NEW... of the process
  std::int32_t network;       // among `own`: a network namespace to be born into; -1: none
  std::int32_t idle;          // among `own`: once it is readable, the network has to be connected
  std::uint32_t streams;      // of who starts it, protocol.hpp
  std::uint32_t stop_signal;  // what a SIGTERM to the monitor is to the program
  std::uint32_t id;           // text
  std::uint32_t boot;         // text, a line of the state file
  std::uint32_t addresses;    // text, lines of it that hold while the container runs
  std::int32_t own_count;     // how many they are
  std::uint64_t health_interval;  // nanoseconds; 0: it has no probes
  std::uint64_t health_start_period;
  std::uint64_t health_start_interval;
  init::List groups;       // Group
  init::List environment;  // offsets: of the hooks
};

}  // namespace slipway::monitor
