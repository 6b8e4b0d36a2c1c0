#include <executor/sandbox/sandbox.hpp>

#include <executor/sandbox/control_groups.hpp>
#include <executor/sandbox/launch.hpp>
#include <executor/sandbox/kernel_support.hpp>
#include <executor/sandbox/limits.hpp>
#include <executor/sandbox/network/private_networks.hpp>
#include <executor/sandbox/network_files.hpp>
#include <executor/sandbox/plan_writer.hpp>
#include <executor/sandbox/reaper.hpp>
#include <executor/sandbox/rights.hpp>
#include <executor/sandbox/root_plan.hpp>
#include <executor/sandbox/step_mounts.hpp>
#include <executor/sandbox/step_program.hpp>
#include <executor/sandbox/terminal.hpp>
#include <executor/ssh/agent_forward.hpp>
#include <executor/user_namespace.hpp>
#include <ir/error.hpp>

#include <linux/capability.h>
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

// All that is needed before a step can be started at all.
void require_rights() {
  if (::geteuid() == 0 && has_capability(CAP_SYS_ADMIN)) return;
  throw Error("RUN needs root: it makes namespaces and mounts")
      .hint(::geteuid() == 0 ? "this container lacks CAP_SYS_ADMIN: start it with --privileged, or "
                               "build with --isolation=chroot"
                             : "run slipway as root, for example with sudo");
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
      throw why_not_started(*report, operation, rights, mounts.labels());
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
        (rights.insecure() ? init::Plan::insecure | init::Plan::keeps_capabilities : 0) |
        (request.terminal ? init::Plan::terminal : 0);
    plan_program(plan, operation, rights, user, mounts.secret_environment());
    plan.header.hostname =
        plan.text(operation.hostname.empty() ? default_hostname : operation.hostname);
    plan_root(plan, mounts, rights);
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
