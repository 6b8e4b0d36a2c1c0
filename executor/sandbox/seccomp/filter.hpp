// The compiled filter, a constant of the program (compile.cpp makes it from table.cpp).
#pragma once

#include <cstdint>
#include <span>

namespace slipway::seccomp {

struct Instruction {  // the kernel's sock_filter
  std::uint16_t code;
  std::uint8_t if_true;
  std::uint8_t if_false;
  std::uint32_t value;
};

std::span<const Instruction> filter();

}  // namespace slipway::seccomp
