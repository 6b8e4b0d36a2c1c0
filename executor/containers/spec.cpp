#include <executor/containers/spec.hpp>

#include <executor/sandbox/step_program.hpp>
#include <ir/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace slipway {
namespace {

constexpr std::size_t short_id = 12;
constexpr const char* default_path =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t largest_group_file = 10 << 20;  // bytes; as in steps

// What stands before the "=".
std::string_view variable_name(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

std::string own_hostname() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

}  // namespace

std::string container_hostname(const Container& container) {
  if (!container.config.hostname.empty()) return container.config.hostname;
  return container.config.network == "host" ? own_hostname() : container.id.substr(0, short_id);
}

void merge_environment(std::vector<std::string>& environment,
                       const std::vector<std::string>& asked) {
  for (const std::string& variable : asked) {
    const auto same = std::find_if(
        environment.begin(), environment.end(),
        [&](const std::string& each) { return variable_name(each) == variable_name(variable); });
    const bool removes = variable.find('=') == std::string::npos;
    if (same == environment.end()) {
      if (!removes) environment.push_back(variable);
    } else if (removes) {
      environment.erase(same);
    } else {
      *same = variable;
    }
  }
}

std::vector<std::string> container_environment(const Container& container) {
  std::vector<std::string> environment = {default_path,
                                          "HOSTNAME=" + container_hostname(container)};
  if (container.config.terminal) environment.emplace_back("TERM=xterm");
  merge_environment(environment, container.config.environment);
  return environment;
}

RunProcess container_operation(const Container& container) {
  const ContainerConfig& config = container.config;
  RunProcess operation;
  operation.arguments = config.entrypoint;
  operation.arguments.insert(operation.arguments.end(), config.command.begin(),
                             config.command.end());
  operation.environment = container_environment(container);
  operation.working_directory = config.working_directory;
  operation.user = config.user;
  operation.network =
      config.network == "host" ? RunProcess::Network::host : RunProcess::Network::none;
  operation.hostname = container_hostname(container);
  operation.shm_size = config.shm_size;
  operation.ulimits = config.ulimits;
  operation.platform = config.platform;
  return operation;
}

RunUser container_user(const RunProcess& operation, const std::vector<std::string>& groups,
                       const StepRights& rights, const RootTree& root) {
  RunUser user = user_of(operation, rights, root);
  if (groups.empty()) return user;
  const std::string file = root.read("/etc/group", largest_group_file).value_or("");
  for (const std::string& group : groups) {
    const std::uint32_t number = find_group(group, file);
    if (std::find(user.groups.begin(), user.groups.end(), number) == user.groups.end())
      user.groups.push_back(number);
  }
  return user;
}

}  // namespace slipway
