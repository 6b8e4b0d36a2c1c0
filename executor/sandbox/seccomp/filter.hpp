// The compiled filter, a constant of the program (compile.cpp makes it from table.cpp).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace slipway::seccomp {

struct Instruction {  // the kernel's sock_filter
  std::uint16_t code;
  std::uint8_t if_true;
  std::uint8_t if_false;
  std::uint32_t value;
};

std::span<const Instruction> filter();

// The same for a process with other capabilities than docker's default ones, a bit each: calls that
// docker's profile lets through for who has more. What a capability less takes away the kernel
// refuses by itself. Empty: nothing is different. Calls of other machines' programs (32-bit ones)
// stay as they are.
std::vector<Instruction> filter_for(std::uint64_t capabilities);

}  // namespace slipway::seccomp
