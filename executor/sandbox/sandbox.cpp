#include <executor/sandbox/sandbox.hpp>

#include <executor/sandbox/control_groups.hpp>
#include <executor/sandbox/launch.hpp>
#include <executor/sandbox/network_files.hpp>
#include <executor/sandbox/plan_writer.hpp>
#include <executor/sandbox/reaper.hpp>
#include <executor/sandbox/seccomp/filter.hpp>
#include <executor/sandbox/step_mounts.hpp>
#include <executor/sandbox/step_program.hpp>
#include <ir/error.hpp>

#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <functional>
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
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  const bool asked = ::syscall(SYS_capget, &header, data) == 0;
  const bool administrator = asked && (data[0].effective >> CAP_SYS_ADMIN & 1) != 0;
  if (::geteuid() == 0 && administrator) return;
  throw Error("RUN needs root: it makes namespaces and mounts")
      .hint(::geteuid() == 0 ? "this container lacks CAP_SYS_ADMIN: start it with --privileged, or "
                               "build with --isolation=chroot"
                             : "run slipway as root, for example with sudo");
}

Error why_not_started(const init::Report& report, const RunProcess& operation,
                      const StepMounts& mounts) {
  using init::Stage;
  switch (report.stage) {
    case Stage::mounts:
      return system_error(
          "mount", report.index < mounts.labels().size() ? mounts.labels()[report.index] : "",
          report.error);
    case Stage::masked_paths:
      return system_error("mount", masked_paths()[report.index % masked_paths().size()],
                          report.error);
    case Stage::read_only_paths:
      return system_error("mount", read_only_paths()[report.index % read_only_paths().size()],
                          report.error);
    default:
      return why_not_started(report, operation);
  }
}

// The runner of the real thing. Threads share only the reaper, which locks for itself, and what
// never changes.
class Sandbox final : public ProcessRunner {
 public:
  explicit Sandbox(const SandboxOptions& options)
      : scope_sockets_(options.scope_sockets && landlock_has_scopes()),
        ids_(options.ids),
        one_control_group_tree_(has_one_control_group_tree()),
        program_(init_program()) {
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

    std::vector<Stub> stubs;
    try {
      Launched launched;
      RunUser user;
      {
        StepMounts mounts(request, ids_);
        try {
          user = user_of(operation, mounts.root());
          launched = launch_step(operation, mounts, user);
        } catch (...) {
          stubs = mounts.take_stubs();
          throw;
        }
        stubs = mounts.take_stubs();
        // Here the builder's descriptors of the mounts go: from now on they are the step's alone.
      }
      return reaper_.watch(
          std::move(launched), std::move(stubs), request.room_for_output, std::move(output),
          [finished = std::move(finished), uid = user.uid, gid = user.gid](RunResult result) {
            result.uid = uid;
            result.gid = gid;
            finished(result);
          });
    } catch (...) {
      remove_stubs(std::move(stubs));
      throw;
    }
  }

 private:
  Launched launch_step(const RunProcess& operation, StepMounts& mounts, const RunUser& user) {
    mounts.add_kernel_file_systems();
    mounts.add_scripts();
    mounts.add_network_files();
    mounts.add_requested();
    const std::string plan = plan_of(operation, mounts, user);
    Launched launched = launch(program_, plan, mounts.descriptors(),
                               operation.network == RunProcess::Network::none
                                   ? Namespaces::all_and_network
                                   : Namespaces::all,
                               groups_ ? groups_->make() : ControlGroup());
    if (const auto report = await_start(launched)) {
      wait_for(launched.process);
      throw why_not_started(*report, operation, mounts);
    }
    return launched;
  }

  std::string plan_of(const RunProcess& operation, StepMounts& mounts, const RunUser& user) const {
    const bool insecure = operation.security == RunProcess::Security::insecure;
    mounts.root().make_directory(working_directory_of(operation));

    PlanWriter plan;
    plan.header.flags =
        (operation.network == RunProcess::Network::none ? init::Plan::loopback_up : 0) |
        (one_control_group_tree_ && !mounts.shows_host_groups() ? init::Plan::own_control_groups
                                                                : 0) |
        (scope_sockets_ && !insecure ? init::Plan::scope_sockets : 0) |
        (ids_ == Ids::own ? init::Plan::fake_ids : 0) | (insecure ? init::Plan::insecure : 0);
    plan_program(plan, operation, user, mounts.secret_environment());
    plan.header.hostname =
        plan.text(operation.hostname.empty() ? default_hostname : operation.hostname);
    plan.header.capabilities = capability_set(operation);
    plan.header.root = mounts.root_number();
    plan.header.shelf = mounts.shelf_number();
    std::vector<init::MountAction> actions = mounts.actions();
    for (init::MountAction& action : actions) {
      if (action.kind == init::MountAction::file_system || action.inside != 0) {
        action.text = plan.text(mounts.texts()[action.text]);
      }
    }
    plan.header.mounts = plan.list(actions);
    const std::vector<std::string> none;
    std::vector<std::string> masked = insecure ? none : masked_paths();
    // A /sys that is the host's has the host's control groups in it.
    if (mounts.shows_host_groups()) masked.emplace_back("/sys/fs/cgroup");
    plan.header.masked = plan.texts(masked);
    plan.header.read_only = plan.texts(insecure ? none : read_only_paths());
    const auto filter = seccomp::filter();
    plan.header.filter = plan.list(filter.data(), insecure ? 0 : filter.size());
    return std::move(plan).finish();
  }

  const bool scope_sockets_;
  const Ids ids_;
  const bool one_control_group_tree_;
  const FileDescriptor program_;
  std::optional<ControlGroups> groups_;  // changes no more; outlives the steps
  Reaper reaper_;
};

}  // namespace

std::unique_ptr<ProcessRunner> sandbox_runner(const SandboxOptions& options) {
  return std::make_unique<Sandbox>(options);
}

}  // namespace slipway
