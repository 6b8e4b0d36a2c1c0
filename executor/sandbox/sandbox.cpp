#include <executor/sandbox/sandbox.hpp>

#include <executor/sandbox/control_groups.hpp>
#include <executor/sandbox/launch.hpp>
#include <executor/sandbox/limits.hpp>
#include <executor/sandbox/network/private_networks.hpp>
#include <executor/sandbox/network_files.hpp>
#include <executor/sandbox/plan_writer.hpp>
#include <executor/sandbox/reaper.hpp>
#include <executor/sandbox/rights.hpp>
#include <executor/sandbox/step_mounts.hpp>
#include <executor/sandbox/step_program.hpp>
#include <executor/sandbox/terminal.hpp>
#include <executor/ssh/agent_forward.hpp>
#include <executor/user_namespace.hpp>
#include <ir/error.hpp>

#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

bool landlock_has_scopes() {
  constexpr unsigned ask_version = 1;  // LANDLOCK_CREATE_RULESET_VERSION
  constexpr long version_with_scopes = 6;
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, ask_version) >= version_with_scopes;
}

bool has_one_control_group_tree() {
  struct statfs status {};
  return ::statfs("/sys/fs/cgroup", &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

// All that is needed before a step can be started at all.
void require_rights() {
  if (::geteuid() == 0 && has_capability(CAP_SYS_ADMIN)) return;
  throw Error("RUN needs root: it makes namespaces and mounts")
      .hint(::geteuid() == 0 ? "this container lacks CAP_SYS_ADMIN: start it with --privileged, or "
                               "build with --isolation=chroot"
                             : "run slipway as root, for example with sudo");
}

Error why_not_started(const init::Report& report, const RunProcess& operation,
                      const StepRights& rights, const StepMounts& mounts) {
  using init::Stage;
  const auto path_of = [&](const std::vector<std::string>& paths) {
    return report.index < paths.size() ? paths[report.index] : std::string();
  };
  switch (report.stage) {
    case Stage::mounts:
      return system_error(
          "mount", report.index < mounts.labels().size() ? mounts.labels()[report.index] : "",
          report.error);
    case Stage::masked_paths:
      return system_error("mount", path_of(rights.masked_paths()), report.error);
    case Stage::read_only_paths:
      return system_error("mount", path_of(rights.read_only_paths()), report.error);
    default:
      return why_not_started(report, operation);
  }
}

// The runner of the real thing. Threads share only the networks and the reaper, which lock for
// themselves, and what never changes.
class Sandbox final : public ProcessRunner {
 public:
  explicit Sandbox(SandboxOptions options)
      : grants_(std::move(options.grants)),
        scope_sockets_(options.scope_sockets && landlock_has_scopes()),
        ids_(options.ids),
        one_control_group_tree_(has_one_control_group_tree()),
        program_(init_program()),
        networks_({std::move(options.network_program), std::move(options.note)}) {
    raise_descriptor_limit();
    if (options.limits.any()) {
      groups_.emplace(options.limits);
    } else {
      ControlGroups::remove_left();
    }
  }

  std::unique_ptr<RunningProcess> start(const RunRequest& request,
                                        std::function<void(OutputStream, std::string_view)> output,
                                        std::function<void(RunResult)> finished) override {
    const RunProcess& operation = *request.operation;
    require_rights();
    require_texts(operation);
    const StepRights rights = StepRights::of(operation, grants_);

    std::vector<Stub> stubs;
    try {
      Launched launched;
      Reaper::Finished ended;
      FileDescriptor root;
      {
        StepMounts mounts(request, rights, ids_);
        root = mounts.root_mount();
        try {
          const RunUser user = user_of(operation, rights, mounts.root());
          // Empty where the step has none, or the host's.
          auto network = rights.network() == Network::default_ ? networks_.take() : nullptr;
          prepare(mounts, rights, network.get());
          ended = with_agents(mounts.take_agent_sockets(), as_user(user, std::move(finished)));
          launched = launch_step(request, rights, mounts, user, std::move(network));
        } catch (...) {
          stubs = mounts.take_stubs();
          throw;
        }
        stubs = mounts.take_stubs();
        // Here the builder's descriptors of the mounts go, all but the root's: from now on they are
        // the step's alone.
      }
      return reaper_.watch(std::move(launched), std::move(root), std::move(stubs),
                           request.room_for_output, std::move(output), std::move(ended));
    } catch (...) {
      remove_stubs(std::move(stubs));
      throw;
    }
  }

 private:
  using Network = RunProcess::Network;

  void prepare(StepMounts& mounts, const StepRights& rights, const StepNetwork* network) const {
    const bool connected = network != nullptr;
    mounts.add_kernel_file_systems(connected || rights.network() == Network::none);
    mounts.add_scripts();
    if (connected) {
      // The host's loopback device is out of reach; all its other addresses are not.
      std::string host = address_outside();
      if (host.empty()) host = networks_.gateway();
      mounts.add_network_files(resolv_conf_inside(resolv_conf(), networks_.name_server()), host);
    } else {
      mounts.add_network_files(resolv_conf(), loopback_address);
    }
    mounts.add_given_devices();
    mounts.add_requested();
  }

  Launched launch_step(const RunRequest& request, const StepRights& rights, StepMounts& mounts,
                       const RunUser& user, std::unique_ptr<StepNetwork> network) {
    const RunProcess& operation = *request.operation;
    Terminal terminal;
    // With one id there is no other owner to give it to.
    if (request.terminal) {
      terminal = make_terminal(mounts.terminals(), *request.terminal,
                               ids_ == Ids::own ? 0 : user.uid);
    }
    const std::string plan = plan_of(request, rights, mounts, user);
    const Namespaces namespaces =
        rights.network() == Network::none ? Namespaces::all_and_network : Namespaces::all;
    Launched launched =
        launch(program_, plan, mounts.descriptors(), namespaces,
               groups_ ? groups_->make() : ControlGroup(), std::move(network), terminal.inner);
    launched.terminal = std::move(terminal.outer);
    if (const auto report = await_start(launched)) {
      wait_for(launched.process);
      throw why_not_started(*report, operation, rights, mounts);
    }
    return launched;
  }

  std::string plan_of(const RunRequest& request, const StepRights& rights, StepMounts& mounts,
                      const RunUser& user) const {
    const RunProcess& operation = *request.operation;
    mounts.root().make_directory(working_directory_of(operation));

    PlanWriter plan;
    plan.header.flags =
        (rights.network() == Network::none ? init::Plan::loopback_up : 0) |
        (one_control_group_tree_ && !mounts.shows_host_groups() ? init::Plan::own_control_groups
                                                                : 0) |
        (scope_sockets_ && !rights.insecure() ? init::Plan::scope_sockets : 0) |
        (ids_ == Ids::own ? init::Plan::fake_ids : 0) |
        (rights.insecure() ? init::Plan::insecure : 0) |
        (request.terminal ? init::Plan::terminal : 0);
    plan_program(plan, operation, rights, user, mounts.secret_environment());
    plan.header.hostname =
        plan.text(operation.hostname.empty() ? default_hostname : operation.hostname);
    plan.header.root = mounts.root_number();
    plan.header.shelf = mounts.shelf_number();
    std::vector<init::MountAction> actions = mounts.actions();
    for (init::MountAction& action : actions) {
      if (action.kind == init::MountAction::file_system || action.inside != 0) {
        action.text = plan.text(mounts.texts()[action.text]);
      }
    }
    plan.header.mounts = plan.list(actions);
    std::vector<std::string> masked = rights.masked_paths();
    // A /sys that is the host's has the host's control groups in it.
    if (mounts.shows_host_groups()) masked.emplace_back("/sys/fs/cgroup");
    plan.header.masked = plan.texts(masked);
    plan.header.read_only = plan.texts(rights.read_only_paths());
    plan.header.filter = plan.list(rights.filter());
    return std::move(plan).finish();
  }

  const Grants grants_;
  const bool scope_sockets_;
  const Ids ids_;
  const bool one_control_group_tree_;
  const FileDescriptor program_;
  std::optional<ControlGroups> groups_;  // changes no more; outlives the steps
  PrivateNetworks networks_;             // outlives them, too
  Reaper reaper_;
};

}  // namespace

std::unique_ptr<ProcessRunner> sandbox_runner(SandboxOptions options) {
  return std::make_unique<Sandbox>(std::move(options));
}

}  // namespace slipway
