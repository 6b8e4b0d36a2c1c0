// slipway-monitor: the one process that stays with a container as long as it runs.
//
// A static program without a C library, as slipway-init, which is in it as well: the container's
// first process is a copy of this one. It allocates nothing, so it is as small at the end as it was
// at the start, whatever the program prints and whoever is connected.
#include "monitor.hpp"

#include "kernel.hpp"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/stat.h>

namespace slipway::monitor {
namespace {

Clients clients;

// argv, and behind its end the environment, whose one line is the number of the orders' descriptor.
[[noreturn]] void run(const char* const* arguments) {
  while (*arguments != nullptr) ++arguments;
  const char* number = *++arguments;
  if (number == nullptr) init::leave(125);
  const auto orders = static_cast<long>(read_number(number));
  struct statx status = {};
  if (system_call(SYS_statx, orders, address(""), AT_EMPTY_PATH, STATX_SIZE, address(&status)) !=
      0) {
    init::leave(125);
  }
  const long memory = system_call(SYS_mmap, 0, static_cast<long>(status.stx_size), PROT_READ,
                                  MAP_PRIVATE, orders, 0);
  if (memory < 0) init::leave(125);
  const Instructions instructions(reinterpret_cast<const Orders*>(memory), status.stx_size);
  Monitor(instructions, clients).run();
}

}  // namespace
}  // namespace slipway::monitor

extern "C" {
[[gnu::used, noreturn]] void slipway_monitor_main(const long* stack) {
  slipway::monitor::run(reinterpret_cast<const char* const*>(stack + 1));
}
}

#if defined(__x86_64__)
__asm__(
    ".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n"
    " call slipway_monitor_main\n");
#elif defined(__aarch64__)
__asm__(
    ".globl _start\n_start:\n mov x29, #0\n mov x30, #0\n mov x0, sp\n b slipway_monitor_main\n");
#endif
