// The architectures whose programs slipway can tell from others, and the smallest program of each.
#pragma once

#include <ir/platform.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slipway {

struct Architecture {
  const char* platform;
  bool wide;              // 64 bits
  bool big;               // the most significant byte first
  std::uint16_t machine;  // elf.h's EM_...
  std::uint32_t flags;    // elf.h's e_flags
  const char* emulator;   // qemu's
  std::string_view code;  // exit(smallest_program_status)
};

inline constexpr int smallest_program_status = 42;

std::span<const Architecture> architectures();

// An executable file that ends with smallest_program_status, and needs nothing else to run: to find
// out whether a machine, and a step in it, executes programs of the architecture.
std::string smallest_program(const Architecture& architecture);

}  // namespace slipway
