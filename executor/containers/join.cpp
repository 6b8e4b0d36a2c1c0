#include <executor/containers/join.hpp>

#include <cache/store.hpp>
#include <cache/user_namespace.hpp>
#include <executor/containers/joined_root.hpp>
#include <executor/containers/processes.hpp>
#include <executor/containers/rights.hpp>
#include <executor/containers/spec.hpp>
#include <executor/containers/start.hpp>
#include <executor/sandbox/control_hierarchies.hpp>
#include <executor/sandbox/kernel_support.hpp>
#include <executor/sandbox/launch.hpp>
#include <executor/sandbox/plan_writer.hpp>
#include <executor/sandbox/step_program.hpp>
#include <executor/sandbox/terminal.hpp>
#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <utility>

namespace slipway {
namespace {

constexpr int cannot_execute = 126;
constexpr int not_found = 127;
constexpr int not_possible = 125;
// How long a process that was killed is waited for: one that stands still in a frozen control group
// ends when that goes on.
constexpr int last_wait = 5000;  // milliseconds

Error does_not_run(const Container& container) {
  return Error("container " + quoted(container.name) + " is not running")
      .hint("slipway start " + container.name);
}

HeldProcess first_process(Store& store, const Container& container) {
  const ContainerState state = store.containers().state(container.id);
  if (state.status == ContainerStatus::paused) {
    throw Error("container " + quoted(container.name) + " is paused")
        .hint("slipway unpause " + container.name);
  }
  std::optional<HeldProcess> held;
  if (state.alive()) held = HeldProcess::open(state.process);
  if (!held) throw does_not_run(container);
  return std::move(*held);
}

// Those that the container does not share with this process. Its mounts and its processes are
// always its own.
int namespaces_of(const HeldProcess& first, const HeldProcess& self) {
  constexpr std::pair<const char*, int> all[] = {
      {"mnt", CLONE_NEWNS},  {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET},
      {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}};
  int flags = 0;
  for (const auto& [name, flag] : all) {
    if (first.space(name) != self.space(name)) flags |= flag;
  }
  constexpr int own = CLONE_NEWNS | CLONE_NEWPID;
  if ((flags & own) != own) throw Error("this is no process of a container");
  return flags;
}

// The doors of the control groups that the container is in and this process is not.
std::vector<FileDescriptor> doors_of(const HeldProcess& first, const HeldProcess& self,
                                     bool has_limits) {
  std::vector<FileDescriptor> doors;
  const std::string mounts = self.read("mountinfo", 4 << 20);
  const auto own = read_control_hierarchies(mounts, self.read("cgroup"));
  const auto theirs = read_control_hierarchies(mounts, first.read("cgroup"));
  for (std::size_t i = 0; i < theirs.size() && i < own.size(); ++i) {
    if (theirs[i].own == own[i].own) continue;
    const std::string door = (theirs[i].own / "cgroup.procs").string();
    FileDescriptor opened(::open(door.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    // Only a group that holds limits has to be joined.
    if (!opened && has_limits) throw system_error("open", door, errno);
    if (opened) doors.push_back(std::move(opened));
  }
  return doors;
}

// Of the program, and what messages about it tell.
struct Program {
  RunProcess operation;
  RunUser user;
  StepRights rights;
};

// As docker: what every container has, what this one was created with, what is asked for now.
std::vector<std::string> environment_of(const Container& as_asked, const ExecRequest& request) {
  std::vector<std::string> all = container_environment(as_asked);
  merge_environment(all, request.environment);
  return all;
}

Program program_of(const Container& container, const ExecRequest& request,
                   const FileDescriptor& root) {
  // The container as it would be, had it been created for this.
  Container as_asked = container;
  ContainerConfig& config = as_asked.config;
  config.terminal = request.terminal;
  config.privileged = config.privileged || request.privileged;
  config.devices.clear();  // they are in it
  if (!request.user.empty()) config.user = request.user;
  if (!request.working_directory.empty()) config.working_directory = request.working_directory;
  Program program{container_operation(as_asked), {}, container_rights(config, DeviceRegistry())};
  program.operation.arguments = request.arguments;
  program.operation.environment = environment_of(as_asked, request);
  require_texts(program.operation);
  try {
    program.user = user_in(root, config.user, config.groups);
  } catch (const Error& error) {
    throw NotStarted(error, cannot_execute);
  }
  return program;
}

// The user has one id in the container's namespace: the others are not real.
bool has_one_id(const HeldProcess& first) {
  const std::string map = first.read("uid_map");
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  return std::sscanf(map.c_str(), "%" SCNu64 " %" SCNu64 " %" SCNu64, &inside, &outside, &count) ==
             3 &&
         count == 1 && std::count(map.begin(), map.end(), '\n') == 1;
}

// What the waiter gets behind the descriptors of every init.
struct Handed {
  std::int32_t joined = -1;
  std::int32_t outer = -1;
  std::vector<std::int32_t> doors;
};

std::string plan_of(const Container& container, const Program& program, const ExecRequest& request,
                    bool one_id, int namespaces, const Handed& handed) {
  PlanWriter plan;
  const bool shares_sockets =
      program.rights.network() == RunProcess::Network::host && !program.rights.insecure();
  plan.header.flags = init::Plan::joins | (one_id ? init::Plan::fake_ids : 0) |
                      (shares_sockets && landlock_has_scopes() ? init::Plan::scope_sockets : 0) |
                      (container.config.no_new_privileges ? init::Plan::no_new_privileges : 0) |
                      (request.terminal ? init::Plan::terminal : 0);
  plan_program(plan, program.operation, program.rights, program.user, {});
  plan.header.hostname = plan.text("");
  plan.header.filter = plan.list(program.rights.filter());
  plan.header.joined = handed.joined;
  plan.header.outer = handed.outer;
  plan.header.namespaces = static_cast<std::uint32_t>(namespaces);
  plan.header.doors = plan.list(handed.doors);
  return std::move(plan).finish();
}

// So that the program can open them again, as /dev/stdout. With one id there is no other owner.
void give_pipes(const ExecRequest& request, const RunUser& user) {
  for (const int stream : {request.input, request.output, request.error}) {
    struct stat status {};
    if (stream < 0 || user.uid == 0 || ::fstat(stream, &status) != 0 || !S_ISFIFO(status.st_mode)) {
      continue;
    }
    if (::fchown(stream, user.uid, static_cast<gid_t>(-1)) != 0) {
      throw system_error("fchown", "pipe", errno);
    }
  }
}

class Joined final : public JoinedProcess {
 public:
  Joined(FileDescriptor process, FileDescriptor orders, FileDescriptor terminal)
      : process_(std::move(process)), orders_(std::move(orders)), terminal_(std::move(terminal)) {}
  Joined(const Joined&) = delete;
  ~Joined() override {
    if (let_go_ || ended_) return;
    orders_ = FileDescriptor();
    terminal_ = FileDescriptor();
    pollfd gone = {process_.get(), POLLIN, 0};
    if (::poll(&gone, 1, last_wait) == 1) wait_for(process_);
  }

  int terminal() const override { return terminal_.get(); }
  int descriptor() const override { return process_.get(); }
  std::int64_t pid() const override { return pid_; }
  void signal(int number) override {
    if (number > 0 && number <= SIGRTMAX) order(static_cast<unsigned char>(number));
  }
  int wait() override {
    const int status = wait_for(process_);
    ended_ = true;
    return status;
  }
  void let_go() override {
    order(0);
    let_go_ = true;
  }

  // Whether the program was born: the waiter says its number.
  bool hear() {
    long number = 0;
    ssize_t got = 0;
    do {
      got = ::recv(orders_.get(), &number, sizeof number, 0);
    } while (got < 0 && errno == EINTR);
    if (got != sizeof number) return false;
    pid_ = number;
    return true;
  }

 private:
  void order(unsigned char what) {
    // A waiter that is gone takes no orders, and needs none.
    while (::send(orders_.get(), &what, 1, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
  }

  FileDescriptor process_;  // the waiter's
  FileDescriptor orders_;
  FileDescriptor terminal_;
  std::int64_t pid_ = 0;
  bool let_go_ = false;
  bool ended_ = false;
};

NotStarted why_not_joined(const init::Report& report, const RunProcess& operation) {
  using init::Stage;
  if (report.stage == Stage::control_group) {
    return {system_error("write", "the container's control group", report.error), not_possible};
  }
  if (report.stage == Stage::namespaces) {
    return {system_error("setns", "the container's namespaces", report.error), not_possible};
  }
  const bool missing =
      report.stage == Stage::program && (report.error == ENOENT || report.error == ENOTDIR);
  return {why_not_started(report, operation), missing ? not_found : cannot_execute};
}

// The program's start, or why there is none.
void await_program(const FileDescriptor& report, const ExecRequest& request,
                   const RunProcess& operation) {
  pollfd waiting = {report.get(), POLLIN, 0};
  int result = 0;
  do {
    result =
        ::poll(&waiting, 1, request.patience ? static_cast<int>(request.patience->count()) : -1);
  } while (result < 0 && errno == EINTR);
  if (result == 0) throw NotStarted(Error("the start takes too long"), not_possible);
  init::Report said{};
  ssize_t got = 0;
  do {
    got = ::read(report.get(), &said, sizeof said);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof said)) throw why_not_joined(said, operation);
}

bool has_ended(const HeldProcess& process) {
  pollfd ended = {process.descriptor(), POLLIN, 0};
  return ::poll(&ended, 1, 0) != 0;
}

std::unique_ptr<JoinedProcess> join(const Container& container, const HeldProcess& first,
                                    const ExecRequest& request) {
  const auto self = HeldProcess::open(::getpid());
  if (!self) throw Error("this process is not in /proc").hint("mount it there");
  const int namespaces = namespaces_of(first, *self);
  const FileDescriptor root = root_of(first);
  const Program program = program_of(container, request, root);
  const bool one_id = has_one_id(first);

  Terminal terminal;
  if (request.terminal) {
    terminal = make_terminal(terminals_in(root).get(), request.size, one_id ? 0 : program.user.uid);
  }
  if (!one_id) give_pipes(request, program.user);
  const std::vector<FileDescriptor> doors = doors_of(first, *self, container.config.limits.any());
  const FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw system_error("open", "/dev/null", errno);
  Pipe report = make_pipe();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    throw system_error("socketpair", "", errno);
  }
  FileDescriptor orders(ends[0]);
  FileDescriptor taken(ends[1]);

  const auto stream = [&](int wanted) {
    if (terminal.inner) return terminal.inner.get();
    return wanted >= 0 ? wanted : null.get();
  };
  std::vector<int> descriptors = {stream(request.input), stream(request.output),
                                  stream(request.error), -1,
                                  report.write.get(),    taken.get()};
  Handed handed;
  const auto hand = [&descriptors](const FileDescriptor& descriptor) {
    descriptors.push_back(descriptor.get());
    return static_cast<std::int32_t>(descriptors.size() - 1);
  };
  handed.joined = static_cast<std::int32_t>(descriptors.size());
  descriptors.push_back(first.descriptor());
  if (terminal.outer) handed.outer = hand(terminal.outer);
  for (const FileDescriptor& door : doors) handed.doors.push_back(hand(door));
  const FileDescriptor plan =
      sealed_memory("plan", plan_of(container, program, request, one_id, namespaces, handed));
  descriptors[init::handed_plan] = plan.get();

  auto joined = std::make_unique<Joined>(start_init(init_program(), descriptors, 0),
                                         std::move(orders), std::move(terminal.outer));
  // The ends that tell that the others are closed.
  report.write = FileDescriptor();
  taken = FileDescriptor();
  await_program(report.read, request, program.operation);
  if (!joined->hear())
    throw NotStarted(Error("the process ended while it was started"), not_possible);
  return joined;
}

}  // namespace

void enter_containers_user_namespace(const std::filesystem::path& store_root,
                                     std::string_view id_or_name) {
  if (::geteuid() == 0 && has_capability(CAP_SYS_ADMIN)) return;
  ContainerState state;
  {
    // Its database and the state files are the user's own: they can be read from outside.
    Store store(store_root);
    try {
      state = store.containers().state(store.containers().get(id_or_name).id);
    } catch (const NoSuchContainer&) {
      return;  // whoever asks for it next says so
    }
  }
  if (!state.alive()) return;
  // That of the monitor, because the container's processes may have gone into another one.
  const auto monitor = HeldProcess::open(state.monitor);
  if (!monitor) return;
  if (::setns(monitor->descriptor(), CLONE_NEWUSER) != 0) {
    throw system_error("setns", "the container's user namespace", errno);
  }
}

std::unique_ptr<JoinedProcess> join_container(Store& store, const Container& container,
                                              const ExecRequest& request) {
  const HeldProcess first = first_process(store, container);
  try {
    return join(container, first, request);
  } catch (const Error&) {
    // Whatever has failed: it would not have, had the container not ended.
    if (has_ended(first)) throw does_not_run(container);
    throw;
  }
}

}  // namespace slipway
