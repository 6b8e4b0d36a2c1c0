// What init does, from its birth to the program's end. It allocates nothing, reads no file of the
// image, and runs no code that is not in this folder.
#include "fake_ids.hpp"
#include "stages.hpp"

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/close_range.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/signalfd.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <linux/wait.h>

#include <initializer_list>

namespace slipway::init {
namespace {

constexpr int signal_count = 64;
constexpr std::uint64_t all_signals = ~std::uint64_t{0};
constexpr std::size_t mask_size = sizeof(std::uint64_t);
constexpr long einval = -22;
constexpr long eintr = -4;

bool lies_inside(const List& list, std::size_t element, std::size_t size) {
  return list.offset <= size && list.offset % 8 == 0 &&
         list.count <= (size - list.offset) / element;
}

}  // namespace

Orders::Orders(const Plan* plan, std::size_t size) : plan_(plan) {
  const auto require = [](bool good) {
    if (!good) fail(Stage::plan, 0, einval);
  };
  require(size > sizeof(Plan) && plan->magic == Plan::right_magic && plan->size == size);
  require(reinterpret_cast<const char*>(plan)[size - 1] == 0);
  require(plan->hostname < size && plan->working_directory < size && plan->search_path < size);
  require(lies_inside(plan->mounts, sizeof(MountAction), size) &&
          lies_inside(plan->limits, sizeof(Limit), size) &&
          lies_inside(plan->groups, sizeof(std::uint32_t), size) &&
          lies_inside(plan->filter, 8, size) &&
          lies_inside(plan->doors, sizeof(std::int32_t), size));
  require(plan->mounts.count <= MountAction::most);
  for (std::uint32_t i = 0; i < plan->mounts.count; ++i) {
    require(begin<MountAction>(plan->mounts)[i].text < size);
  }
  for (const List* texts :
       {&plan->masked, &plan->read_only, &plan->arguments, &plan->environment}) {
    require(lies_inside(*texts, sizeof(std::uint32_t), size));
    for (std::uint32_t i = 0; i < texts->count; ++i) {
      require(begin<std::uint32_t>(*texts)[i] < size);
    }
  }
  require(plan->arguments.count > 0);
}

void fail(Stage stage, std::uint32_t index, long result) {
  const Report report = {stage, index, static_cast<std::int32_t>(-result)};
  system_call(SYS_write, handed_report, address(&report), sizeof(report));
  leave(125);
}

void reset_signals() {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    std::uint64_t mask;
  } action = {};
  for (int signal = 1; signal <= signal_count; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) {
      system_call(SYS_rt_sigaction, signal, address(&action), 0, mask_size);
    }
  }
}

namespace {

Orders read_plan() {
  struct statx status {};
  check(system_call(SYS_statx, handed_plan, address(""), 0x1000 /* AT_EMPTY_PATH */, STATX_SIZE,
                    address(&status)),
        Stage::plan);
  const auto size = static_cast<std::size_t>(status.stx_size);
  const long memory = check(
      system_call(SYS_mmap, 0, static_cast<long>(size), PROT_READ, MAP_PRIVATE, handed_plan, 0),
      Stage::plan);
  // It may hold a secret, and the program would inherit it.
  system_call(SYS_close, handed_plan);
  return Orders(reinterpret_cast<const Plan*>(memory), size);
}

// From init to the program and back, while the listener for fake ids changes hands. Both ends are
// closed by the exec.
struct Handover {
  int told[2];  // the program writes its number of the listener
  int taken[2];  // init writes a byte
};

void make_handover(Handover& handover) {
  check(system_call(SYS_pipe2, address(handover.told), 02000000 /* O_CLOEXEC */), Stage::ids);
  check(system_call(SYS_pipe2, address(handover.taken), 02000000), Stage::ids);
}

// In the program's process.
void offer_listener(const Handover& handover) {
  const int listener = intercept_ids();
  char byte = 0;
  system_call(SYS_close, handover.taken[1]);
  system_call(SYS_write, handover.told[1], address(&listener), sizeof(listener));
  if (system_call(SYS_read, handover.taken[0], address(&byte), 1) != 1) fail(Stage::ids, 1, einval);
}

// Init's own descriptor of it; -1 if the program has failed before. By the process, because a
// descriptor that the program inherits would be the step's.
int take_listener(const Handover& handover, long program) {
  int listener = -1;
  system_call(SYS_close, handover.told[1]);
  long got = 0;
  do {
    got = system_call(SYS_read, handover.told[0], address(&listener), sizeof(listener));
  } while (got == eintr);
  long own = -1;
  if (got == sizeof(listener)) {
    const long process = system_call(SYS_pidfd_open, program, 0);
    own = system_call(SYS_pidfd_getfd, process, listener, 0);
    system_call(SYS_close, process);
    const char byte = 1;
    if (own >= 0) system_call(SYS_write, handover.taken[1], address(&byte), 1);
  }
  for (const int end : {handover.told[0], handover.taken[0], handover.taken[1]}) {
    system_call(SYS_close, end);
  }
  return static_cast<int>(own);
}

// The program is PID 1 in place of init, and nothing watches for the end of who has started it: the
// kernel kills it then. A change of user has taken such an order back, so this comes behind it; the
// builder may have gone meanwhile.
void end_with_builder() {
  check(system_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL), Stage::process);
  struct pollfd builder = {handed_lifeline, POLLIN, 0};
  const struct __kernel_timespec at_once = {0, 0};
  if (system_call(SYS_ppoll, address(&builder), 1, address(&at_once), 0, 0) != 0) leave(125);
  system_call(SYS_close, handed_lifeline);
}

[[noreturn]] void become_program(const Orders& orders, const Handover& handover) {
  const bool first = orders.has(Plan::first_process);
  system_call(SYS_setsid);
  if (orders.has(Plan::terminal)) {
    check(system_call(SYS_ioctl, handed_input, TIOCSCTTY, 0), Stage::session);
  }
  // Gone with the exec, which is how the builder learns that the program has started.
  system_call(SYS_fcntl, handed_report, 2 /* F_SETFD */, 1 /* FD_CLOEXEC */);
  if (!first) system_call(SYS_close, handed_lifeline);
  set_limits(orders);
  enter_working_directory(orders);
  drop_bounding_set(orders);
  scope_sockets(orders);
  if (orders.has(Plan::fake_ids)) offer_listener(handover);
  give_up_new_privileges(orders);
  load_filter(orders);
  give_up_rights(orders);
  if (first) end_with_builder();
  const std::uint64_t none = 0;
  system_call(SYS_rt_sigprocmask, SIG_SETMASK, address(&none), 0, mask_size);
  execute(orders);
}

// The end of init, at which nothing of the step may be left.
[[noreturn]] void end(long processes, int status) {
  if (processes >= 0) end_descendants(processes);
  leave(status);
}

// Ends with the status of `program`, as a shell has it. Everyone else's death is only noted.
void reap(long program, long processes) {
  for (;;) {
    int status = 0;
    const long gone = system_call(SYS_wait4, -1, address(&status), WNOHANG, 0);
    if (gone == eintr) continue;
    if (gone <= 0) return;
    if (gone != program) continue;
    const int signal = status & 0x7f;
    end(processes, signal == 0 ? (status >> 8) & 0xff : 128 + signal);
  }
}

// `listener`: of fake ids; -1: none.
[[noreturn]] void stay(const Orders& orders, long program, int signals, int listener,
                       long processes) {
  for (;;) {
    struct pollfd waiting[] = {
        {signals, POLLIN, 0}, {handed_lifeline, POLLIN, 0}, {listener, POLLIN, 0}};
    system_call(SYS_ppoll, address(waiting), 3, 0, 0, 0);
    // The builder was killed, so that nobody would read the result; or it wants this end.
    if (waiting[1].revents != 0) end(processes, 125);
    if ((waiting[2].revents & POLLIN) != 0) answer_ids(orders, listener);
    if ((waiting[2].revents & POLLHUP) != 0) listener = -1;
    struct signalfd_siginfo arrived = {};
    if (system_call(SYS_read, signals, address(&arrived), sizeof(arrived)) !=
        static_cast<long>(sizeof(arrived))) {
      continue;
    }
    if (arrived.ssi_signo != SIGCHLD) system_call(SYS_kill, program, arrived.ssi_signo);
    reap(program, processes);
  }
}

}  // namespace

void run() {
  const Orders orders = read_plan();
  if (orders.has(Plan::joins)) join(orders);
  check(system_call(SYS_setsid), Stage::session);
  const bool bare = orders.has(Plan::bare);
  long processes = -1;
  if (bare) {
    processes = enter_directory(orders);
  } else {
    attach_mounts(orders);
    enter_root(orders);
  }
  // Every descriptor of a mount or a directory goes before a path of the image's is looked at.
  check(system_call(SYS_close_range, handed_first, ~0U, 0), Stage::session);
  if (!bare) {
    mount_control_groups(orders);
    mask_paths(orders);
    name_host(orders);
    raise_loopback(orders);
  }

  reset_signals();
  if (orders.has(Plan::first_process)) become_program(orders, Handover());
  const long signals = check(
      system_call(SYS_signalfd4, -1, address(&all_signals), mask_size, SFD_CLOEXEC | SFD_NONBLOCK),
      Stage::signals);
  // A plain fork: this address space is a dozen pages.
  Handover handover = {};
  const bool fake_ids = orders.has(Plan::fake_ids);
  if (fake_ids) make_handover(handover);
  const long program = check(system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0), Stage::process);
  if (program == 0) {
    if (processes >= 0) system_call(SYS_close, processes);
    become_program(orders, handover);
  }
  const int listener = fake_ids ? take_listener(handover, program) : -1;

  // From here on init is beside untrusted code: no descriptors, no more
  // rights than that has, and not to be traced by it.
  system_call(SYS_close, handed_report);
  system_call(SYS_close_range, handed_input, handed_error, 0);
  system_call(SYS_prctl, PR_SET_DUMPABLE, 0);
  set_capabilities(orders);
  stay(orders, program, static_cast<int>(signals), listener, processes);
}

}  // namespace slipway::init
