// slipway-init: the first process of every RUN step.
//
// The builder has made its namespaces, its mounts and its plan; init puts them into place, starts
// the program, stays as PID 1, reaps, passes signals on, and leaves with the program's status, at
// which the kernel kills whatever is left of the step. The first process of a container does the
// same from within the monitor's program (executor/containers/monitor/).
#include "stages.hpp"

extern "C" {
[[gnu::used, noreturn]] void slipway_init_main() {
  slipway::init::run();
}
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n and $-16, %rsp\n call slipway_init_main\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n mov x29, #0\n mov x30, #0\n b slipway_init_main\n");
#endif
