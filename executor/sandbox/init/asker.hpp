// The process of a step whose system call init carries out: its memory, its files, its ids.
#pragma once

#include "system_call.hpp"

#include <cstddef>
#include <cstdint>

namespace slipway::init {

struct Triple {
  std::uint32_t real;
  std::uint32_t effective;
  std::uint32_t saved;
};

// What a process takes for its ids.
struct FakeIds {
  Triple user;
  Triple group;
};

class Asker {
 public:
  // `thread`: as init's process namespace numbers it. `first`: the ids of the step's program.
  Asker(long thread, std::uint32_t first_user, std::uint32_t first_group);

  // Those that it, or the nearest process it descends from, was given last.
  FakeIds ids() const;
  // For itself and what it starts from now on. Negative where too many processes have some.
  long set_ids(const FakeIds& ids) const;

  // The file that a call of its means: `directory` and `flags` as fchownat(2) has them, `path` an
  // address in its memory. An O_PATH descriptor, or a negative errno. What the path leads to is
  // looked up from its root and in its directory, with init's rights, which are the step's.
  long open(long directory, std::uint64_t path, long flags) const;

  // Zero or a negative errno.
  long write_memory(std::uint64_t to, const void* from, std::size_t size) const;

 private:
  long read_text(std::uint64_t from, char* to, std::size_t size) const;

  long thread_;
  FakeIds first_;
};

}  // namespace slipway::init
