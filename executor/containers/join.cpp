#include <executor/containers/join.hpp>

#include <cache/store.hpp>
#include <cache/user_namespace.hpp>
#include <executor/containers/joined_root.hpp>
#include <executor/containers/processes.hpp>
#include <executor/containers/start.hpp>
#include <executor/sandbox/control_hierarchies.hpp>
#include <executor/sandbox/launch.hpp>
#include <executor/sandbox/limits.hpp>
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
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <climits>
#include <cstdio>
#include <utility>

namespace slipway {
namespace {

constexpr int cannot_execute = 126;
constexpr int not_found = 127;
constexpr int not_possible = 125;
constexpr std::string_view usual_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
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
  std::uint64_t capabilities = 0;
  std::vector<seccomp::Instruction> filter;
};

void set_variable(std::vector<std::string>& environment, const std::string& entry) {
  const std::size_t equals = entry.find('=');
  const std::string start = entry.substr(0, equals) + "=";
  std::erase_if(environment, [&](const std::string& one) { return one.starts_with(start); });
  if (equals != entry.npos) environment.push_back(entry);
}

bool has_variable(const std::vector<std::string>& environment, std::string_view start) {
  return std::any_of(environment.begin(), environment.end(),
                     [start](const std::string& one) { return one.starts_with(start); });
}

std::string host_name_in(const Container& container) {
  if (!container.config.hostname.empty()) return container.config.hostname;
  if (container.config.network != "host") return container.id.substr(0, 12);
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// As docker: what every container has, what this one was created with, what is asked for now.
std::vector<std::string> environment_of(const Container& container, const ExecRequest& request,
                                        const std::string& home) {
  std::vector<std::string> all = {"PATH=" + std::string(usual_path),
                                  "HOSTNAME=" + host_name_in(container)};
  if (request.terminal) all.emplace_back("TERM=xterm");
  for (const std::string& entry : container.config.environment) set_variable(all, entry);
  for (const std::string& entry : request.environment) set_variable(all, entry);
  if (!has_variable(all, "HOME=")) all.push_back("HOME=" + home);
  return all;
}

Program program_of(const Container& container, const ExecRequest& request,
                   const FileDescriptor& root) {
  const ContainerConfig& config = container.config;
  Program program;
  RunProcess& operation = program.operation;
  operation.arguments = request.arguments;
  operation.working_directory =
      request.working_directory.empty() ? config.working_directory : request.working_directory;
  operation.user = request.user.empty() ? config.user : request.user;
  operation.ulimits = config.ulimits;
  operation.platform = config.platform;
  try {
    program.user = user_in(root, operation.user, config.groups);
  } catch (const Error& error) {
    throw NotStarted(error, cannot_execute);
  }
  operation.environment = environment_of(container, request, program.user.home);
  require_texts(operation);
  const bool all = request.privileged || config.privileged;
  const StepRights rights = StepRights::of(RunProcess(), Grants());
  program.capabilities = all ? ~std::uint64_t{0} : rights.capabilities();
  if (!all) program.filter.assign(rights.filter().begin(), rights.filter().end());
  return program;
}

std::vector<init::Limit> limits_of(const RunProcess& operation) {
  std::vector<init::Limit> limits = parse_limits(operation.ulimits);
  const init::Limit descriptors = raise_descriptor_limit();
  if (std::none_of(limits.begin(), limits.end(), [&](const init::Limit& limit) {
        return limit.resource == descriptors.resource;
      })) {
    limits.push_back(descriptors);
  }
  return limits;
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

std::string_view search_path_of(const std::vector<std::string>& environment) {
  constexpr std::string_view start = "PATH=";
  for (const std::string& one : environment)
    if (one.starts_with(start)) return std::string_view(one).substr(start.size());
  return usual_path;
}

// What the waiter gets behind the descriptors of every init.
struct Handed {
  std::int32_t joined = -1;
  std::int32_t outer = -1;
  std::vector<std::int32_t> doors;
};

std::string plan_of(const Program& program, const ExecRequest& request, std::uint32_t more_flags,
                    int namespaces, const Handed& handed) {
  const RunProcess& operation = program.operation;
  PlanWriter plan;
  plan.header.flags =
      init::Plan::joins | more_flags | (request.terminal ? init::Plan::terminal : 0);
  plan.header.capabilities = program.capabilities;
  plan.header.uid = program.user.uid;
  plan.header.gid = program.user.gid;
  plan.header.groups = plan.list(program.user.groups);
  plan.header.hostname = plan.text("");
  plan.header.working_directory = plan.text(working_directory_of(operation));
  plan.header.search_path = plan.text(search_path_of(operation.environment));
  plan.header.limits = plan.list(limits_of(operation));
  plan.header.arguments = plan.texts(operation.arguments);
  plan.header.environment = plan.texts(operation.environment);
  plan.header.filter = plan.list(program.filter);
  plan.header.joined = handed.joined;
  plan.header.outer = handed.outer;
  plan.header.namespaces = static_cast<std::uint32_t>(namespaces);
  plan.header.doors = plan.list(handed.doors);
  return std::move(plan).finish();
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
      sealed_plan(plan_of(program, request, one_id ? init::Plan::fake_ids : 0, namespaces, handed));
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
    const auto container = store.containers().find(id_or_name);
    if (container) state = store.containers().state(container->id);
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
