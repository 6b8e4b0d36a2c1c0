#include <executor/sandbox/root_plan.hpp>

#include <executor/sandbox/step_program.hpp>

namespace slipway {

void plan_root(PlanWriter& plan, const StepMounts& mounts, const StepRights& rights) {
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
}

Error why_not_started(const init::Report& report, const RunProcess& operation,
                      const StepRights& rights, const std::vector<std::string>& labels) {
  using init::Stage;
  const auto one_of = [&](const std::vector<std::string>& texts) {
    return report.index < texts.size() ? texts[report.index] : std::string();
  };
  switch (report.stage) {
    case Stage::mounts:
      return system_error("mount", one_of(labels), report.error);
    case Stage::masked_paths:
      return system_error("mount", one_of(rights.masked_paths()), report.error);
    case Stage::read_only_paths:
      return system_error("mount", one_of(rights.read_only_paths()), report.error);
    default:
      return why_not_started(report, operation);
  }
}

}  // namespace slipway
