#include "hooks.hpp"

#include "kernel.hpp"

#include <asm/signal.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>

namespace slipway::monitor {
namespace {

constexpr std::uint32_t most_variables = 15;

[[noreturn]] void become_hook(const Instructions& instructions, Hook hook) {
  const Orders& orders = instructions.orders();
  // First out of the way of the numbers they are to get.
  const int beyond = 64 + orders.own + own_first;
  const long program =
      system_call(SYS_fcntl, instructions.own(own_program), F_DUPFD_CLOEXEC, beyond);
  const long null = system_call(SYS_fcntl, instructions.own(own_null), F_DUPFD_CLOEXEC, beyond);
  long network = -1;
  long idle = -1;
  if (hook == Hook::connect) {
    network = system_call(SYS_fcntl, instructions.own(orders.network), F_DUPFD_CLOEXEC, beyond);
    idle = system_call(SYS_fcntl, instructions.own(orders.idle), F_DUPFD_CLOEXEC, beyond);
  }
  for (int stream = 0; stream < 3; ++stream) system_call(SYS_dup3, null, stream, 0);
  system_call(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
  // With another one's descriptor in its place it would connect who knows what.
  if (hook == Hook::connect &&
      (system_call(SYS_dup3, network, 3, 0) < 0 || system_call(SYS_dup3, idle, 4, 0) < 0)) {
    init::leave(127);
  }
  const char* environment[most_variables + 1] = {};
  const auto* texts = instructions.begin<std::uint32_t>(orders.environment);
  for (std::uint32_t i = 0; i < orders.environment.count && i < most_variables; ++i) {
    environment[i] = instructions.text(texts[i]);
  }
  const char* what = hook == Hook::end ? "end" : hook == Hook::health ? "health" : "connect";
  const char* arguments[] = {"slipway", "container-hook", what, instructions.text(orders.id),
                             nullptr};
  const std::uint64_t none = 0;
  system_call(SYS_rt_sigprocmask, SIG_SETMASK, address(&none), 0, sizeof(none));
  system_call(SYS_execveat, program, address(""), address(arguments), address(environment),
              AT_EMPTY_PATH);
  init::leave(127);
}

}  // namespace

long start_hook(const Instructions& instructions, Hook hook) {
  const long process = system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (process == 0) become_hook(instructions, hook);
  return process;
}

Probes::Probes(const Instructions& instructions, std::uint64_t now)
    : interval_(instructions.orders().health_interval),
      start_interval_(instructions.orders().health_start_interval),
      starts_until_(now + instructions.orders().health_start_period) {
  next_ = now + (starts_until_ > now ? start_interval_ : interval_);
}

bool Probes::ended(long process, int status, std::uint64_t now) {
  if (process != running_) return false;
  running_ = 0;
  if (status == 0) starts_until_ = 0;
  next_ = now + (starts_until_ > now ? start_interval_ : interval_);
  return true;
}

}  // namespace slipway::monitor
