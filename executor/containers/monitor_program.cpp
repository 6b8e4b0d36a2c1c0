// slipway-monitor's executable as a constant of the program (SLIPWAY_MONITOR is its path).
#include <executor/containers/monitor_program.hpp>

__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "slipway_monitor_start:\n"
    ".incbin \"" SLIPWAY_MONITOR
    "\"\n"
    "slipway_monitor_end:\n"
    ".popsection\n");

extern "C" const char slipway_monitor_start[];
extern "C" const char slipway_monitor_end[];

namespace slipway {

std::string_view monitor_program_bytes() {
  return {slipway_monitor_start,
          static_cast<std::size_t>(slipway_monitor_end - slipway_monitor_start)};
}

}  // namespace slipway
