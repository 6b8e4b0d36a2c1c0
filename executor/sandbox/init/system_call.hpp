// System calls without a C library. A static glibc costs half a millisecond at each start, mostly
// page faults; init needs nothing of it.
//
// Each function gives what the kernel gives: a negative errno where it failed.
#pragma once

#include <linux/types.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>

namespace slipway::init {

inline long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                        long f = 0) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
#else
#error "slipway-init knows x86_64 and aarch64"
#endif
}

inline long address(const void* pointer) {
  return reinterpret_cast<long>(pointer);
}

inline std::size_t length(const char* text) {
  std::size_t count = 0;
  while (text[count] != 0) ++count;
  return count;
}

[[noreturn]] inline void leave(int status) {
  for (;;) system_call(SYS_exit_group, status);
}

}  // namespace slipway::init
