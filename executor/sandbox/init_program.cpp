// slipway-init's executable as a constant of the program (SLIPWAY_INIT is its path).
#include <executor/sandbox/init_program.hpp>

__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "slipway_init_start:\n"
    ".incbin \"" SLIPWAY_INIT
    "\"\n"
    "slipway_init_end:\n"
    ".popsection\n");

extern "C" const char slipway_init_start[];
extern "C" const char slipway_init_end[];

namespace slipway {

std::string_view init_program_bytes() {
  return {slipway_init_start, static_cast<std::size_t>(slipway_init_end - slipway_init_start)};
}

}  // namespace slipway
