#include <executor/sandbox/step_program.hpp>

#include <cache/layers/recorded_ids.hpp>
#include <executor/sandbox/foreign.hpp>
#include <executor/sandbox/limits.hpp>
#include <ir/platform.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

// Docker's, for a step whose environment has none.
constexpr std::string_view default_search_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

constexpr std::size_t largest_user_file = 10 << 20;  // bytes; BuildKit's limit

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

// Those asked for, in their order, and behind them the descriptors that this process had at first:
// what slipway itself needs is no step's.
std::vector<init::Limit> limits_of(const RunProcess& operation) {
  std::vector<init::Limit> limits = parse_limits(operation.ulimits);
  const init::Limit descriptors = raise_descriptor_limit();
  if (std::none_of(limits.begin(), limits.end(), [&descriptors](const init::Limit& limit) {
        return limit.resource == descriptors.resource;
      })) {
    limits.push_back(descriptors);
  }
  return limits;
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
    return "the emulator " + platform.program +
           " is not in the image, and is registered without the flag F: `slipway doctor` says what "
           "mends it";
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

}  // namespace

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
}

// Of two variables of a name programs take the first or the last, as they like.
void set_variable(std::vector<std::string>& environment, const std::string& entry) {
  const std::string name = entry.substr(0, entry.find('=') + 1);
  std::erase_if(environment, [&](const std::string& one) { return one.starts_with(name); });
  environment.push_back(entry);
}

std::string working_directory_of(const RunProcess& operation) {
  return operation.working_directory.empty() ? "/" : operation.working_directory;
}

RunUser user_of(const RunProcess& operation, const StepRights& rights, const RootTree& root) {
  std::optional<std::string> passwd;
  std::optional<std::string> group;
  try {
    passwd = root.read("/etc/passwd", largest_user_file);
    group = root.read("/etc/group", largest_user_file);
  } catch (const Error&) {
    // A number goes without them, and without their home and groups.
    if (operation.user.find_first_not_of("0123456789:") != std::string::npos) throw;
  }
  RunUser user = find_user(operation.user, passwd.value_or(""), group.value_or(""));
  const std::vector<std::uint32_t>& more = rights.devices().groups;
  user.groups.insert(user.groups.end(), more.begin(), more.end());
  return user;
}

std::function<void(RunResult)> as_user(const RunUser& user,
                                       std::function<void(RunResult)> finished) {
  return [finished = std::move(finished), uid = user.uid, gid = user.gid](RunResult result) {
    result.uid = uid;
    result.gid = gid;
    finished(result);
  };
}

void plan_program(PlanWriter& plan, const RunProcess& operation, const StepRights& rights,
                  const RunUser& user, const std::vector<std::string>& secrets) {
  std::vector<std::string> environment = operation.environment;
  for (const auto* more : {&operation.unkeyed.proxies, &secrets, &rights.devices().environment})
    for (const std::string& entry : *more) set_variable(environment, entry);
  if (!variable(environment, "HOME")) environment.push_back("HOME=" + user.home);
  plan.header.capabilities = rights.capabilities();
  plan.header.uid = user.uid;
  plan.header.gid = user.gid;
  plan.header.groups = plan.list(user.groups);
  plan.header.working_directory = plan.text(working_directory_of(operation));
  plan.header.search_path = plan.text(variable(environment, "PATH").value_or(default_search_path));
  plan.header.limits = plan.list(limits_of(operation));
  plan.header.arguments = plan.texts(operation.arguments);
  plan.header.environment = plan.texts(environment);
}

Error why_not_started(const init::Report& report, const RunProcess& operation) {
  using init::Stage;
  const std::string reason = std::strerror(report.error);
  switch (report.stage) {
    case Stage::working_directory:
      return Error("cannot enter the working directory " + quoted(operation.working_directory) +
                   ": " + reason);
    case Stage::outside:
      return Error("the working directory " + quoted(operation.working_directory) +
                   " is outside of the root file system");
    case Stage::limits: {
      if (report.index >= operation.ulimits.size())
        return system_error("prlimit", "nofile", report.error);
      const std::string& limit = operation.ulimits[report.index];
      Error error("--ulimit " + quoted(limit) + ": " + reason);
      if (report.error == EPERM && limit.starts_with("nofile=")) {
        error.hint("no process of this machine may have more files than /proc/sys/fs/nr_open says");
      }
      return error;
    }
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
    case Stage::groups:
    case Stage::user:
      if (report.error == EINVAL) {
        return Error("USER " + quoted(operation.user) + ": this user namespace has no such id")
            .hint(more_ids_hint);
      }
      [[fallthrough]];
    default:
      return Error("the step could not be set up (stage " +
                   std::to_string(static_cast<std::uint32_t>(report.stage)) + "): " + reason);
  }
}

}  // namespace slipway
