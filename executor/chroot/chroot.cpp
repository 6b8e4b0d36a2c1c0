#include <executor/chroot/chroot.hpp>

#include <executor/chroot/orphans.hpp>
#include <executor/chroot/placements.hpp>
#include <executor/chroot/running_step.hpp>
#include <executor/chroot/step_files.hpp>
#include <executor/chroot/tree_pool.hpp>
#include <executor/sandbox/launch.hpp>
#include <executor/sandbox/limits.hpp>
#include <executor/sandbox/plan_writer.hpp>
#include <executor/sandbox/step_program.hpp>
#include <executor/sandbox/terminal.hpp>
#include <executor/user_namespace.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

struct Needed {
  int capability;
  const char* name;
};
// Without the others of docker's a step may fail; without these none could start.
constexpr std::array needed = {Needed{CAP_CHOWN, "CHOWN"},     Needed{CAP_MKNOD, "MKNOD"},
                               Needed{CAP_SETGID, "SETGID"},   Needed{CAP_SETUID, "SETUID"},
                               Needed{CAP_SETPCAP, "SETPCAP"}, Needed{CAP_SYS_CHROOT, "SYS_CHROOT"},
                               Needed{CAP_KILL, "KILL"}};

void require_rights() {
  std::string missing;
  for (const Needed& one : needed) {
    if (!has_capability(one.capability)) missing += std::string(" --cap-add=") + one.name;
  }
  if (::geteuid() == 0 && missing.empty()) return;
  throw Error("RUN with --isolation=chroot needs root and docker's default capabilities")
      .hint(::geteuid() != 0 ? "run slipway as root of the container"
                             : "start this container with" + missing);
}

void require_possible(const StepRights& rights) {
  if (rights.network() == RunProcess::Network::none) {
    throw Error("RUN --network=none: --isolation=chroot cannot keep a step from the network")
        .hint("leave it out, or build with --isolation=sandbox");
  }
  if (!rights.devices().nodes.empty() || !rights.devices().mounts.empty()) {
    throw Error("RUN --device: --isolation=chroot has nothing to put a device into a step with")
        .hint("build with --isolation=sandbox");
  }
}

// One of the container's own: a step has no /dev/pts in which it could be made.
Terminal container_terminal(const TerminalSize& size, std::uint32_t owner) {
  const FileDescriptor terminals(::open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!terminals) {
    throw system_error("open", "/dev/pts", errno).hint("this container has no terminals (devpts)");
  }
  return make_terminal(terminals.get(), size, owner);
}

class Chroot final : public ProcessRunner {
 public:
  explicit Chroot(ChrootOptions options)
      : grants_(std::move(options.grants)),
        trees_(std::move(options.fresh_folder)),
        index_of_(std::move(options.index_of)),
        program_(init_program()),
        processes_(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    raise_descriptor_limit();
    if (!processes_) throw system_error("open", "/proc", errno);
    inherit_orphans();
    // A step is root as this process is, with the same capabilities: what may not be dumped it
    // cannot trace.
    if (::prctl(PR_SET_DUMPABLE, 0) != 0) throw system_error("prctl", "", errno);
  }

  bool shares_caches() const override { return false; }

  std::unique_ptr<RunningProcess> start(const RunRequest& request,
                                        std::function<void(OutputStream, std::string_view)> output,
                                        std::function<void(RunResult)> finished) override {
    const RunProcess& operation = *request.operation;
    require_rights();
    require_texts(operation);
    const StepRights rights = StepRights::of(operation, grants_);
    require_possible(rights);
    const auto open = [this](const std::filesystem::path& layer) { return open_layer(layer); };
    std::vector<std::shared_ptr<const OpenLayer>> layers;
    for (const std::filesystem::path& lower : request.lowers) layers.push_back(open(lower));
    // What is there already is one more layer of the copy; the changes to it have no place in it.
    if (request.goes_on) layers.push_back(open(request.upper));

    StepRoot root{trees_.take(std::move(layers)), nullptr,
                  request.goes_on ? request.work : request.upper};
    root.placements = std::make_unique<Placements>(*root.tree);
    Launched launched;
    std::function<void(RunResult)> ended;
    try {
      launched = launch_step(request, rights, *root.placements, open, std::move(finished), ended);
    } catch (...) {
      // Whatever was made by now is none of a later step's business.
      root.take_back(trees_);
      throw;
    }
    return run_step(std::move(launched), std::move(root), trees_, request.room_for_output,
                    std::move(output), std::move(ended));
  }

 private:
  std::shared_ptr<const OpenLayer> open_layer(const std::filesystem::path& layer) const {
    return std::make_shared<const OpenLayer>(layer, index_of_ ? index_of_(layer) : nullptr);
  }

  Launched launch_step(const RunRequest& request, const StepRights& rights, Placements& placements,
                       const LayerOpener& open, std::function<void(RunResult)> finished,
                       std::function<void(RunResult)>& ended) {
    const RunProcess& operation = *request.operation;
    place_kernel_directories(placements, operation);
    place_network_files(placements, operation);
    Requested requested = place_requested(placements, request, open);
    placements.root().make_directory(working_directory_of(operation));
    const RunUser user = user_of(operation, rights, placements.root());
    Terminal terminal;
    if (request.terminal) terminal = container_terminal(*request.terminal, user.uid);
    ended = with_agents(std::move(requested.agents), as_user(user, std::move(finished)));

    std::vector<FileDescriptor> handed;
    handed.push_back(placements.open_root());
    handed.emplace_back(::fcntl(processes_.get(), F_DUPFD_CLOEXEC, 0));
    if (!handed.back()) throw system_error("fcntl", "", errno);

    PlanWriter plan;
    plan.header.flags = init::Plan::bare | (rights.insecure() ? init::Plan::insecure | init::Plan::keeps_capabilities : 0) |
                        (request.terminal ? init::Plan::terminal : 0);
    plan_program(plan, operation, rights, user, requested.environment);
    plan.header.root = init::handed_first;
    plan.header.processes = init::handed_first + 1;
    plan.header.hostname = plan.text("");
    // A filter takes CAP_SYS_ADMIN, or no_new_privs, with which sudo and ping would fail. Who has
    // not the one is in a container, whose own filter holds for the step, too.
    const auto filter = rights.filter();
    const bool loads = has_capability(CAP_SYS_ADMIN);
    plan.header.filter = plan.list(filter.data(), loads ? filter.size() : 0);
    plan.header.mounts = plan.list(std::vector<init::MountAction>());
    plan.header.masked = plan.texts(std::vector<std::string>());
    plan.header.read_only = plan.texts(std::vector<std::string>());

    Launched launched = launch(program_, std::move(plan).finish(), handed, Namespaces::none,
                               ControlGroup(), nullptr, terminal.inner);
    launched.terminal = std::move(terminal.outer);
    if (const auto report = await_start(launched)) {
      wait_for(launched.process);
      throw why_not_started(*report, operation);
    }
    return launched;
  }

  const Grants grants_;
  TreePool trees_;
  const std::function<std::shared_ptr<const LayerIndex>(const std::filesystem::path&)> index_of_;
  const FileDescriptor program_;
  const FileDescriptor processes_;  // /proc, O_PATH
};

}  // namespace

std::unique_ptr<ProcessRunner> chroot_runner(ChrootOptions options) {
  return std::make_unique<Chroot>(std::move(options));
}

}  // namespace slipway
