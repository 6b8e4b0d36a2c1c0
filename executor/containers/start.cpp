#include <executor/containers/start.hpp>

#include <cache/state_directory.hpp>
#include <cache/store.hpp>
#include <executor/containers/health.hpp>
#include <executor/containers/launch_monitor.hpp>
#include <executor/containers/monitor/orders.hpp>
#include <executor/containers/monitor/protocol.hpp>
#include <executor/containers/mounts.hpp>
#include <executor/containers/network.hpp>
#include <executor/containers/remove.hpp>
#include <executor/containers/rights.hpp>
#include <executor/containers/spec.hpp>
#include <executor/sandbox/control_groups.hpp>
#include <executor/sandbox/init/plan.hpp>
#include <executor/sandbox/kernel_support.hpp>
#include <executor/sandbox/launch.hpp>
#include <executor/sandbox/limits.hpp>
#include <executor/sandbox/plan_writer.hpp>
#include <executor/sandbox/root_plan.hpp>
#include <executor/sandbox/step_mounts.hpp>
#include <executor/sandbox/step_program.hpp>
#include <executor/sandbox/terminal.hpp>
#include <executor/snapshot/overlay.hpp>
#include <executor/spawn.hpp>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr int cannot_start = 125;  // docker's: for reasons that are not the program's
constexpr int cannot_execute = 126;
constexpr int not_found = 127;

FileDescriptor open_or_throw(const std::filesystem::path& path, int flags) {
  FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC));
  if (!file) throw system_error("open", path.string(), errno);
  return file;
}

std::string boot_line() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return "boot " + id + "\n";
}

std::string address_lines(const ContainerNetwork& network) {
  std::string lines;
  if (!network.address.empty()) lines += "address " + network.address + "\n";
  for (const PortMapping& port : network.ports) {
    lines += "port " + port.host_address + " " + std::to_string(port.host_port) + " " +
             std::to_string(port.port) + " " + port.protocol + "\n";
  }
  return lines;
}

// 126 or 127 as docker tells them apart by the same report.
NotStarted not_started(const init::Report& report, Error error) {
  using init::Stage;
  int status = cannot_start;
  if (report.stage == Stage::program) {
    status = report.error == ENOENT || report.error == ENOTDIR ? not_found : cannot_execute;
  } else if (report.stage == Stage::working_directory) {
    status = report.error == ENOENT ? not_found : cannot_execute;
  }
  return NotStarted(std::move(error), status);
}

// The other ends of a process's three streams.
struct Streams {
  FileDescriptor input, output, error;              // the process's
  FileDescriptor input_end, output_end, error_end;  // the monitor's
};

void give_to(const FileDescriptor& pipe, std::uint32_t user) {
  constexpr auto same = static_cast<gid_t>(-1);
  if (user != 0 && ::fchown(pipe.get(), user, same) != 0)
    throw system_error("fchown", "pipe", errno);
}

FileDescriptor again(const FileDescriptor& descriptor) {
  FileDescriptor copy(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) throw system_error("fcntl", "", errno);
  return copy;
}

// One start, in its order. Made and used up by start_container().
class Start {
 public:
  Start(Store& store, const Container& container, const StartOptions& options,
        const ContainerLock& lock)
      : store_(store),
        container_(container),
        config_(container.config),
        options_(options),
        lock_(lock),
        folder_(store.containers().folder(container.id)),
        operation_(container_operation(container)),
        rights_(container_rights(config_, options.devices)) {}

  MonitorConnection run() {
    if (operation_.arguments.empty()) {
      throw Error("the container has no command")
          .hint("the image has none: say behind its name what to run");
    }
    require_texts(operation_);
    raise_descriptor_limit();
    // With one id init answers for the others, so it has to stay.
    stays_ = config_.init || options_.ids == Ids::own;
    network_ = network();
    write_network_files(folder_, container_, network_);
    renew_work(folder_ / "work");

    RunRequest request;
    request.operation = &operation_;
    for (const LayerRef& layer : container_.layers)
      request.lowers.push_back(store_.layers().directory(layer.diff_id));
    request.upper = folder_ / "upper";
    request.work = folder_ / "work";
    request.durable = !config_.auto_remove;
    StepMounts mounts(request, rights_, options_.ids);
    // Noted whatever comes of it: they are there from now on.
    try {
      prepare(mounts);
    } catch (...) {
      note_stubs(folder_, mounts.take_stubs());
      throw;
    }
    note_stubs(folder_, mounts.take_stubs());
    launch(mounts);
    return answer(mounts.labels());
  }

 private:
  ContainerNetwork network() {
    constexpr std::string_view others = "container:";
    if (!config_.network.starts_with(others))
      return connect_container(store_, container_, options_.note);
    const std::string name = config_.network.substr(others.size());
    const Container other = store_.containers().get(name);
    const std::filesystem::path folder = store_.containers().folder(other.id);
    const ContainerState state = container_state(folder);
    if (!state.alive())
      throw Error("the container " + quoted(name) + ", whose network this one shares, does not run")
          .hint("`slipway start " + name + "` starts it");
    ContainerNetwork network;
    network.kind = ContainerNetwork::Kind::entered;
    network.space =
        open_or_throw("/proc/" + std::to_string(state.process.pid) + "/ns/net", O_RDONLY);
    // The number may be another process's by now.
    const ContainerState since = container_state(folder);
    if (since.process != state.process)
      throw Error("the container " + quoted(name) + ", whose network this one shares, has ended");
    std::ifstream file(folder / "resolv.conf", std::ios::binary);
    network.resolv_conf.assign(std::istreambuf_iterator<char>(file), {});
    network.address = state.address;
    return network;
  }

  void prepare(StepMounts& mounts) {
    mounts.add_kernel_file_systems(network_.kind != ContainerNetwork::Kind::host);
    add_container_mounts(mounts, store_, container_, folder_);
    mounts.add_given_devices();
    user_ = container_user(operation_, config_.groups, rights_, mounts.root());
    streams_ = config_.terminal ? terminal(mounts) : pipes();
    mounts.root().make_directory(working_directory_of(operation_));
    if (config_.read_only) mounts.make_root_read_only();
  }

  // With one id there is no other owner to give anything to.
  std::uint32_t owner() const { return options_.ids == Ids::own ? 0 : user_.uid; }

  Streams terminal(StepMounts& mounts) {
    Terminal made = make_terminal(mounts.terminals(), options_.size, owner());
    mounts.add_console(made.inner);
    Streams streams;
    streams.input = again(made.inner);
    streams.output = again(made.inner);
    streams.error = std::move(made.inner);
    streams.input_end = again(made.outer);
    streams.output_end = std::move(made.outer);
    streams.error_end = open_or_throw("/dev/null", O_RDWR);
    return streams;
  }

  Streams pipes() {
    Streams streams;
    if (config_.keeps_input) {
      Pipe input = make_pipe();
      give_to(input.read, owner());
      streams.input = std::move(input.read);
      streams.input_end = std::move(input.write);
    } else {
      streams.input = open_or_throw("/dev/null", O_RDONLY);
      streams.input_end = open_or_throw("/dev/null", O_RDWR);
    }
    Pipe output = make_pipe();
    Pipe error = make_pipe();
    give_to(output.write, owner());
    give_to(error.write, owner());
    streams.output = std::move(output.write);
    streams.error = std::move(error.write);
    streams.output_end = std::move(output.read);
    streams.error_end = std::move(error.read);
    for (const FileDescriptor* end : {&streams.input_end, &streams.output_end, &streams.error_end})
      never_block(*end);
    return streams;
  }

  std::string plan(StepMounts& mounts) {
    PlanWriter plan;
    const bool insecure = rights_.insecure();
    const bool host = network_.kind == ContainerNetwork::Kind::host;
    plan.header.flags =
        (network_.kind == ContainerNetwork::Kind::none ? init::Plan::loopback_up : 0) |
        (has_one_control_group_tree() && !mounts.shows_host_groups()
             ? init::Plan::own_control_groups
             : 0) |
        (host && !insecure && landlock_has_scopes() ? init::Plan::scope_sockets : 0) |
        (options_.ids == Ids::own ? init::Plan::fake_ids : 0) |
        (insecure ? init::Plan::insecure : 0) |
        (config_.no_new_privileges ? init::Plan::no_new_privileges : 0) |
        (config_.terminal ? init::Plan::terminal : 0) | (stays_ ? 0 : init::Plan::first_process);
    plan_program(plan, operation_, rights_, user_, {});
    plan.header.hostname = plan.text(operation_.hostname);
    plan_root(plan, mounts, rights_);
    return std::move(plan).finish();
  }

  void launch(StepMounts& mounts) {
    const FileDescriptor plan_memory = sealed_memory("plan", plan(mounts));
    const Pipe report = make_pipe();
    const Pipe lifeline = make_pipe();
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
      throw system_error("socketpair", "", errno);
    starter_ = FileDescriptor(pair[0]);
    const FileDescriptor starter(pair[1]);
    never_block(starter);
    const FileDescriptor folder = open_or_throw(folder_, O_PATH | O_DIRECTORY);
    const FileDescriptor null = open_or_throw("/dev/null", O_RDWR);
    const FileDescriptor hook_program = options_.hook_program.empty()
                                            ? open_or_throw("/proc/self/exe", O_PATH)
                                            : open_or_throw(options_.hook_program, O_PATH);
    ControlGroup group = control_group();

    std::vector<int> descriptors = {streams_.input.get(), streams_.output.get(),
                                    streams_.error.get(), plan_memory.get(),
                                    report.write.get(),   lifeline.read.get()};
    for (const FileDescriptor& mount : mounts.descriptors()) descriptors.push_back(mount.get());
    const std::size_t own = descriptors.size();
    // In the order of monitor::Own; the orders are filled in below.
    for (const int each :
         {-1, lock_.descriptor(), folder.get(), starter.get(), report.read.get(),
          lifeline.write.get(), streams_.input_end.get(), streams_.output_end.get(),
          streams_.error_end.get(), hook_program.get(), null.get()})
      descriptors.push_back(each);
    const FileDescriptor orders_memory = sealed_memory("orders", orders(descriptors, own, group));
    descriptors[own] = orders_memory.get();
    launch_monitor(descriptors, static_cast<int>(own), container_.id.substr(0, 12));
    // From now on the monitor's.
    group.forget();
    streams_ = Streams();
  }

  ControlGroup control_group() {
    ResourceLimits limits = config_.limits;
    if (!limits.any()) return {};
    // Where init does not stay there is no process besides those that docker's limit is about.
    if (!stays_ && limits.pids && *limits.pids > 0) --*limits.pids;
    ControlGroups groups(limits, true);
    return groups.make();
  }

  // The orders' text, and behind `descriptors` those that they name.
  std::string orders(std::vector<int>& descriptors, std::size_t own, const ControlGroup& group) {
    using monitor::Orders;
    BasicPlanWriter<Orders> orders;
    Orders& header = orders.header;
    const auto add = [&](int descriptor) {
      descriptors.push_back(descriptor);
      return static_cast<std::int32_t>(descriptors.size() - 1 - own);
    };
    const AttachedStreams streams = options_.attach.value_or(AttachedStreams());
    const bool once = config_.attach_input || streams.input;
    header.flags =
        (config_.terminal ? Orders::terminal : 0) | (config_.no_logs ? 0 : Orders::keeps_log) |
        (config_.keeps_input && once ? Orders::input_once : 0) |
        (config_.auto_remove ? Orders::auto_remove : 0) | (options_.removes ? Orders::removes : 0) |
        (options_.attach ? Orders::attached : 0);
    if (streams.input) header.streams |= monitor::stream_input;
    if (streams.output) header.streams |= monitor::stream_output;
    if (streams.error) header.streams |= monitor::stream_error;
    header.own = static_cast<std::int32_t>(own);
    header.namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (network_.kind == ContainerNetwork::Kind::none) header.namespaces |= CLONE_NEWNET;
    header.network = network_.space ? add(network_.space.get()) : -1;
    header.idle = network_.idle ? add(network_.idle.get()) : -1;
    for (const FileDescriptor& held : network_.held) add(held.get());
    const int stop = config_.stop_signal.empty() ? 0 : signal_number(config_.stop_signal);
    header.stop_signal = static_cast<std::uint32_t>(stop > 0 ? stop : SIGTERM);
    header.id = orders.text(container_.id);
    header.boot = orders.text(boot_line());
    header.addresses = orders.text(address_lines(network_));
    plan_probes(header);
    std::vector<monitor::Group> groups;
    for (const ControlGroup::Part& part : group.parts()) {
      groups.push_back({add(part.directory.get()), add(part.door.get()),
                        orders.text(part.path.string()),
                        (part.unified ? monitor::Group::unified : 0) |
                            (part.freezes ? monitor::Group::freezer : 0)});
    }
    header.groups = orders.list(groups);
    std::vector<std::string> environment = {"SLIPWAY_ROOT=" + store_.state().root().string()};
    for (const char* name : {"PATH", "HOME", "XDG_RUNTIME_DIR", "SLIPWAY_CDI_DIRS"}) {
      if (const char* value = std::getenv(name))
        environment.push_back(std::string(name) + "=" + value);
    }
    header.environment = orders.texts(environment);
    header.own_count = static_cast<std::int32_t>(descriptors.size() - own);
    return std::move(orders).finish();
  }

  void plan_probes(monitor::Orders& header) const {
    const auto check = health_check(config_);
    if (!check) return;
    header.health_interval = static_cast<std::uint64_t>(check->interval);
    header.health_start_period = static_cast<std::uint64_t>(check->start_period);
    header.health_start_interval = static_cast<std::uint64_t>(check->start_interval);
  }

  MonitorConnection answer(const std::vector<std::string>& labels) {
    std::array<char, 1 + sizeof(init::Report)> packet{};
    ssize_t got = 0;
    do {
      got = ::recv(starter_.get(), packet.data(), packet.size(), 0);
    } while (got < 0 && errno == EINTR);
    const auto said = static_cast<monitor::Said>(packet.front());
    if (got >= 1 && said == monitor::Said::started)
      return MonitorConnection(std::move(starter_), options_.attach.has_value());
    if (got != static_cast<ssize_t>(packet.size()) || said != monitor::Said::failed)
      throw Error("the container's monitor has ended before the program was started");
    init::Report report{};
    std::memcpy(&report, packet.data() + 1, sizeof(report));
    throw not_started(report, why_not_started(report, operation_, rights_, labels));
  }

  Store& store_;
  const Container& container_;
  const ContainerConfig& config_;
  const StartOptions& options_;
  const ContainerLock& lock_;
  const std::filesystem::path folder_;
  const RunProcess operation_;
  const StepRights rights_;
  bool stays_ = false;
  ContainerNetwork network_;
  RunUser user_;
  Streams streams_;
  FileDescriptor starter_;
};

}  // namespace

MonitorConnection start_container(Store& store, const Container& container,
                                  const StartOptions& options) {
  const std::filesystem::path folder = store.containers().folder(container.id);
  const std::optional<ContainerLock> lock = ContainerLock::attempt(folder);
  if (!lock) {
    throw Error("the container " + quoted(container.name) +
                (container_state(folder).alive()
                     ? " runs already"
                     : " is just being started, removed or read by another command"));
  }
  ContainerState state = settle(folder, *lock);
  const auto note = [&](const Error& error, int status) {
    state.error = error.what();
    state.exit_code = status;
    put_state(folder, state);
    return NotStarted(error, status);
  };
  try {
    return Start(store, container, options, *lock).run();
  } catch (const NotStarted& error) {
    throw note(error, error.status());
  } catch (const Error& error) {
    throw note(error, cannot_start);
  }
}

}  // namespace slipway
