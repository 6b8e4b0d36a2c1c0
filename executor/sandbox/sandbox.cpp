#include <executor/sandbox/sandbox.hpp>

#include <executor/sandbox/foreign.hpp>
#include <executor/sandbox/launch.hpp>
#include <executor/sandbox/limits.hpp>
#include <executor/sandbox/network_files.hpp>
#include <executor/sandbox/plan_writer.hpp>
#include <executor/sandbox/reaper.hpp>
#include <executor/sandbox/seccomp/filter.hpp>
#include <executor/sandbox/step_mounts.hpp>
#include <executor/sandbox/terminal.hpp>
#include <executor/sandbox/users.hpp>
#include <ir/error.hpp>

#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// Docker's fourteen.
constexpr std::array default_capabilities = {
    CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,           CAP_FOWNER,
    CAP_MKNOD,   CAP_NET_RAW,      CAP_SETGID,           CAP_SETUID,
    CAP_SETFCAP, CAP_SETPCAP,      CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
    CAP_KILL,    CAP_AUDIT_WRITE};

// Docker's, for a step whose environment has none.
constexpr std::string_view default_search_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

constexpr std::size_t largest_user_file = 10 << 20;  // bytes; BuildKit's limit

std::uint64_t capability_set(const RunProcess& operation) {
  if (operation.security == RunProcess::Security::insecure) return ~std::uint64_t{0};
  std::uint64_t set = 0;
  for (const int capability : default_capabilities) set |= std::uint64_t{1} << capability;
  return set;
}

std::optional<std::string_view> variable(const std::vector<std::string>& environment,
                                         std::string_view name) {
  std::optional<std::string_view> value;
  for (const std::string& one : environment) {
    if (one.size() > name.size() && one.starts_with(name) && one[name.size()] == '=') {
      value = std::string_view(one).substr(name.size() + 1);
    }
  }
  return value;
}

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
      .hint(::geteuid() == 0 ? "this container lacks CAP_SYS_ADMIN: start it with --privileged"
                             : "run slipway as root, for example with sudo");
}

// Text that goes to the kernel ends at a zero byte: what stands behind one would be lost.
void require_texts(const RunProcess& operation) {
  const auto check = [](const std::string& text, const char* what) {
    if (text.find('\0') != std::string::npos) {
      throw Error(std::string(what) + " " + quoted(text) + " holds a zero byte");
    }
  };
  if (operation.arguments.empty()) throw Error("RUN without a command");
  for (const auto& text : operation.arguments) check(text, "the argument");
  for (const auto& text : operation.environment) check(text, "the variable");
  for (const auto& text : operation.unkeyed.proxies) check(text, "the variable");
  check(operation.working_directory, "the working directory");
  check(operation.hostname, "the host name");
  if (operation.hostname.size() > 64) {
    throw Error("the host name " + quoted(operation.hostname) + " is longer than 64 bytes");
  }
  if (!operation.devices.empty()) throw Error("RUN --device: this slipway cannot give devices");
}

bool is_foreign(const RunProcess& operation) {
  return !operation.platform.os.empty() && !matches(operation.platform, host_platform());
}

// What is to be said where a step does not find the emulator of its programs; nothing elsewhere.
std::optional<std::string> lost_emulator(const RunProcess& operation) {
  if (!is_foreign(operation)) return std::nullopt;
  for (const ForeignPlatform& platform : foreign_platforms()) {
    if (platform.platform != operation.platform ||
        platform.means != ForeignPlatform::Means::handler_outside)
      continue;
    return "the emulator " + platform.program + " is not in the image, and is registered without "
           "the flag F: `slipway doctor` says what mends it";
  }
  return std::nullopt;
}

// What the kernel takes for no program at all.
Error no_program_here(const std::string& program, const RunProcess& operation) {
  const std::string host = host_platform().text();
  if (!is_foreign(operation)) {
    return Error("cannot execute " + program + ": exec format error: it is no program for " + host)
        .hint("a script needs #! in its first line; a base image may be for another platform");
  }
  const std::string platform = operation.platform.text();
  return Error("cannot execute " + program + ": exec format error: the image is for " + platform +
               ", this machine runs " + host)
      .hint(std::string(how_to_emulate) +
            "; or run the step on this machine's platform: FROM --platform=$BUILDPLATFORM");
}

Error why_not_started(const init::Report& report, const RunProcess& operation,
                      const StepMounts& mounts) {
  using init::Stage;
  const std::string reason = std::strerror(report.error);
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
    case Stage::working_directory:
      return Error("cannot enter the working directory " + quoted(operation.working_directory) +
                   ": " + reason);
    case Stage::outside:
      return Error("the working directory " + quoted(operation.working_directory) +
                   " is outside of the root file system");
    case Stage::limits:
      return Error("--ulimit " +
                   quoted(operation.ulimits[report.index % operation.ulimits.size()]) + ": " +
                   reason);
    case Stage::program: {
      const std::string program = quoted(operation.arguments.front());
      if (report.error == ENOENT && operation.arguments.front().find('/') == std::string::npos) {
        return Error("program " + program + " was not found in PATH");
      }
      if (report.error == ENOEXEC) return no_program_here(program, operation);
      Error error("cannot execute " + program + ": " + reason);
      if (report.error == ENOENT) {
        error.hint(lost_emulator(operation).value_or(
            "the file, or the interpreter that it names, is not in the image"));
      }
      return error;
    }
    default:
      return Error("the sandbox could not be set up (stage " +
                   std::to_string(static_cast<std::uint32_t>(report.stage)) + "): " + reason);
  }
}

// The runner of the real thing. Threads share only the reaper, which locks for itself, and what
// never changes.
class Sandbox final : public ProcessRunner {
 public:
  explicit Sandbox(SandboxOptions options)
      : scope_sockets_(options.scope_sockets && landlock_has_scopes()),
        ids_(options.ids),
        one_control_group_tree_(has_one_control_group_tree()),
        program_(init_program()) {}

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
          launched = launch_step(request, mounts, user);
        } catch (...) {
          stubs = mounts.take_stubs();
          throw;
        }
        stubs = mounts.take_stubs();
        // Here the builder's descriptors of the mounts go: from now on they are the step's alone.
      }
      return reaper_.watch(
          std::move(launched), std::move(stubs), std::move(output),
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
  Launched launch_step(const RunRequest& request, StepMounts& mounts, const RunUser& user) {
    const RunProcess& operation = *request.operation;
    mounts.add_kernel_file_systems();
    mounts.add_scripts();
    mounts.add_network_files();
    mounts.add_requested();
    Terminal terminal;
    // With one id there is no other owner to give it to.
    if (request.terminal) {
      terminal = make_terminal(mounts.terminals(), *request.terminal,
                               ids_ == Ids::own ? 0 : user.uid);
    }
    const std::string plan = plan_of(operation, mounts, user, request.terminal.has_value());
    Launched launched = launch(program_, plan, mounts.descriptors(),
                               operation.network == RunProcess::Network::none, terminal.inner);
    launched.terminal = std::move(terminal.outer);
    if (const auto report = await_start(launched)) {
      wait_for(launched.process);
      throw why_not_started(*report, operation, mounts);
    }
    return launched;
  }

  std::string plan_of(const RunProcess& operation, StepMounts& mounts, const RunUser& user,
                      bool has_terminal) const {
    const bool insecure = operation.security == RunProcess::Security::insecure;
    const std::string directory =
        operation.working_directory.empty() ? "/" : operation.working_directory;
    mounts.root().make_directory(directory);

    std::vector<std::string> environment = operation.environment;
    for (const std::string& proxy : operation.unkeyed.proxies) environment.push_back(proxy);
    for (const std::string& secret : mounts.secret_environment()) environment.push_back(secret);
    if (!variable(environment, "HOME")) environment.push_back("HOME=" + user.home);

    PlanWriter plan;
    plan.header.flags =
        (operation.network == RunProcess::Network::none ? init::Plan::loopback_up : 0) |
        (one_control_group_tree_ && !mounts.shows_host_groups() ? init::Plan::own_control_groups
                                                                : 0) |
        (scope_sockets_ && !insecure ? init::Plan::scope_sockets : 0) |
        (ids_ == Ids::own ? init::Plan::fake_ids : 0) | (insecure ? init::Plan::insecure : 0) |
        (has_terminal ? init::Plan::terminal : 0);
    plan.header.uid = user.uid;
    plan.header.gid = user.gid;
    plan.header.groups = plan.list(user.groups);
    plan.header.hostname =
        plan.text(operation.hostname.empty() ? default_hostname : operation.hostname);
    plan.header.working_directory = plan.text(directory);
    plan.header.search_path =
        plan.text(variable(environment, "PATH").value_or(default_search_path));
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
    plan.header.limits = plan.list(parse_limits(operation.ulimits));
    const std::vector<std::string> none;
    std::vector<std::string> masked = insecure ? none : masked_paths();
    // A /sys that is the host's has the host's control groups in it.
    if (mounts.shows_host_groups()) masked.emplace_back("/sys/fs/cgroup");
    plan.header.masked = plan.texts(masked);
    plan.header.read_only = plan.texts(insecure ? none : read_only_paths());
    const auto filter = seccomp::filter();
    plan.header.filter = plan.list(filter.data(), insecure ? 0 : filter.size());
    plan.header.arguments = plan.texts(operation.arguments);
    plan.header.environment = plan.texts(environment);
    return std::move(plan).finish();
  }

  static RunUser user_of(const RunProcess& operation, const RootTree& root) {
    std::optional<std::string> passwd;
    std::optional<std::string> group;
    try {
      passwd = root.read("/etc/passwd", largest_user_file);
      group = root.read("/etc/group", largest_user_file);
    } catch (const Error&) {
      // A number goes without them, and without their home and groups.
      if (operation.user.find_first_not_of("0123456789:") != std::string::npos) throw;
    }
    return find_user(operation.user, passwd.value_or(""), group.value_or(""));
  }

  const bool scope_sockets_;
  const Ids ids_;
  const bool one_control_group_tree_;
  const FileDescriptor program_;
  Reaper reaper_;
};

}  // namespace

std::unique_ptr<ProcessRunner> sandbox_runner(SandboxOptions options) {
  return std::make_unique<Sandbox>(options);
}

}  // namespace slipway
