#include "container_request.hpp"

#include "../extra_hosts.hpp"
#include "environment_flags.hpp"
#include "mount_flags.hpp"
#include "port_flags.hpp"
#include "security_flags.hpp"

#include <cache/containers/names.hpp>
#include <executor/containers/remove.hpp>
#include <executor/csv.hpp>
#include <executor/devices/spec.hpp>
#include <executor/sandbox/limits.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <utility>

namespace slipway {
namespace {

Error wrong(const std::string& flag, const std::string& value, const std::string& why) {
  return Error(flag + " " + quoted(value) + " " + why);
}

std::int64_t whole_number(const std::string& flag, const std::string& value) {
  std::int64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, number);
  if (value.empty() || read.ec != std::errc() || read.ptr != end)
    throw wrong(flag, value, "is no whole number");
  return number;
}

std::int64_t duration(const std::string& flag, const std::string& value) {
  if (value.empty()) return 0;
  const auto read = read_duration(value);
  if (!read) throw wrong(flag, value, "is no time").hint("for example 90s, 10m or 1h30m");
  if (*read < 0) throw wrong(flag, value, "is negative");
  constexpr std::int64_t millisecond = 1'000'000;
  if (*read > 0 && *read < millisecond) throw wrong(flag, value, "is less than a millisecond");
  return *read;
}

std::optional<HealthcheckConfig> healthcheck(const ContainerFlags& flags) {
  HealthcheckConfig health;
  if (!flags.health_command.empty()) health.test = {"CMD-SHELL", flags.health_command};
  health.interval = duration("--health-interval", flags.health_interval);
  health.timeout = duration("--health-timeout", flags.health_timeout);
  health.start_period = duration("--health-start-period", flags.health_start_period);
  health.start_interval = duration("--health-start-interval", flags.health_start_interval);
  if (!flags.health_retries.empty()) {
    health.retries = whole_number("--health-retries", flags.health_retries);
    if (health.retries < 0) throw wrong("--health-retries", flags.health_retries, "is negative");
  }
  const bool any = health != HealthcheckConfig();
  if (flags.no_healthcheck) {
    if (any) throw Error("--no-healthcheck cannot be given with the other --health flags");
    health.test = {"NONE"};
    return health;
  }
  return any ? std::optional(health) : std::nullopt;
}

// With -a only what it names; -i is input in any case, as in docker.
void take_streams(const ContainerFlags& flags, ContainerConfig& config) {
  config.attach_input = flags.interactive;
  config.attach_output = config.attach_error = flags.attach.empty();
  for (const std::string& text : flags.attach) {
    std::string name = text;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name == "stdin") {
      config.attach_input = true;
    } else if (name == "stdout") {
      config.attach_output = true;
    } else if (name == "stderr") {
      config.attach_error = true;
    } else {
      throw wrong("--attach", text, "is no stream").hint("stdin, stdout or stderr");
    }
  }
}

void take_program(const ContainerFlags& flags, ContainerRequest& request) {
  ContainerConfig& config = request.config;
  config.command.assign(flags.words.begin() + 1, flags.words.end());
  if (flags.entrypoint) {
    request.entrypoint.emplace();
    if (!flags.entrypoint->empty()) request.entrypoint->push_back(*flags.entrypoint);
  }
  config.environment = parse_environment(flags.environment_files, flags.environment);
  config.working_directory = flags.working_directory;
  if (!flags.working_directory.empty() && !flags.working_directory.starts_with('/'))
    throw wrong("--workdir", flags.working_directory, "is not absolute")
        .hint("a path in the container begins with /");
  config.user = flags.user;
  config.groups = flags.groups;
  config.terminal = flags.terminal;
  config.keeps_input = flags.interactive;
  take_streams(flags, config);
  config.init = flags.init;
  config.healthcheck = healthcheck(flags);
  config.stop_signal = flags.stop_signal;
  if (!flags.stop_signal.empty() && signal_number(flags.stop_signal) == 0)
    throw wrong("--stop-signal", flags.stop_signal, "is no signal")
        .hint("for example SIGQUIT or 3");
  if (!flags.stop_timeout.empty()) {
    config.stop_timeout = whole_number("--stop-timeout", flags.stop_timeout);
    if (*config.stop_timeout < -1)
      throw wrong("--stop-timeout", flags.stop_timeout, "is negative").hint("-1 waits for ever");
  }
}

void require_address(const std::string& flag, const std::string& text) {
  in6_addr parsed{};
  if (::inet_pton(AF_INET, text.c_str(), &parsed) == 1 ||
      ::inet_pton(AF_INET6, text.c_str(), &parsed) == 1)
    return;
  throw wrong(flag, text, "is no address").hint("a number, as 192.0.2.53");
}

// Those of networks are IPv4.
void require_own_address(const std::string& flag, const std::string& text) {
  in_addr parsed{};
  if (::inet_pton(AF_INET, text.c_str(), &parsed) != 1)
    throw wrong(flag, text, "is no IPv4 address").hint("for example 10.89.0.10");
}

// The network's rule, before there is a container that cannot be started.
void require_alias(const std::string& flag, const std::string& text) {
  if (!is_container_name(text))
    throw wrong(flag, text, "is no name for the others of the network")
        .hint("two or more letters, digits, '_', '.' and '-', the first a letter or a digit");
}

// "name=mynet,alias=db" is the long form, as in docker.
void take_network_fields(const std::string& text, ContainerConfig& config) {
  config.network.clear();
  for (const std::string& field : split_csv(text, "--network")) {
    const std::size_t equals = field.find('=');
    const std::string name = field.substr(0, equals);
    const std::string value = equals == field.npos ? "" : field.substr(equals + 1);
    if (name == "name") {
      config.network = value;
    } else if (name == "alias") {
      require_alias("--network alias", value);
      config.network_aliases.push_back(value);
    } else if (name == "ip") {
      require_own_address("--network ip", value);
      config.address = value;
    } else {
      throw wrong("--network", text, "has a field that is not known, " + quoted(name))
          .hint("name=, alias= and ip=");
    }
  }
  if (config.network.empty()) throw wrong("--network", text, "names no network");
}

void take_network_name(const ContainerFlags& flags, ContainerConfig& config) {
  if (flags.networks.size() > 1)
    throw Error("--network can be given once")
        .hint("a container is in one network; `slipway network` makes those that several share");
  if (flags.networks.empty()) return;
  const std::string& text = flags.networks.front();
  config.network = text;
  if (text.find('=') != text.npos) take_network_fields(text, config);
  std::string& network = config.network;
  if (network == "bridge" || network == "private") network = "default";
  if (network == "container:") throw wrong("--network", text, "names no container");
  if (network.starts_with("container:")) return;
  if (!is_container_name(network))
    throw wrong("--network", text, "is no name of a network")
        .hint(did_you_mean(network, {"default", "none", "host", "bridge"},
                           "default, none, host, container:NAME or the name of a network"));
}

bool is_of_user(const std::string& network) {
  return network != "default" && network != "none" && network != "host" &&
         !network.starts_with("container:");
}

// What cannot be had in the network that was asked for.
void refuse_in_network(const ContainerFlags& flags, const ContainerConfig& config) {
  if (!config.network_aliases.empty() && !is_of_user(config.network))
    throw Error("--network-alias is for networks that containers share, and this one is " +
                quoted(config.network))
        .hint("slipway network create NAME makes one");
  if (!config.address.empty() && !is_of_user(config.network))
    throw Error("user specified IP address is supported on user defined networks only")
        .hint("slipway network create NAME makes one");
  if (!config.network.starts_with("container:")) return;
  for (const auto& [given, flag] :
       {std::pair(!flags.hostname.empty(), "--hostname"), std::pair(!flags.dns.empty(), "--dns"),
        std::pair(!flags.dns_search.empty(), "--dns-search"),
        std::pair(!flags.dns_options.empty(), "--dns-option"),
        std::pair(!flags.add_hosts.empty(), "--add-host"),
        std::pair(!flags.publish.empty(), "--publish"),
        std::pair(flags.publish_all, "--publish-all"),
        std::pair(!flags.expose.empty(), "--expose")}) {
    if (given)
      throw Error(std::string(flag) + " cannot be given with --network " + config.network)
          .hint("the network is the other container's, with its names and ports");
  }
}

void take_network(const ContainerFlags& flags, ContainerConfig& config) {
  take_network_name(flags, config);
  for (const std::string& alias : flags.network_aliases) {
    require_alias("--network-alias", alias);
    config.network_aliases.push_back(alias);
  }
  if (!flags.address.empty()) {
    require_own_address("--ip", flags.address);
    config.address = flags.address;
  }
  constexpr std::size_t longest = 64;  // the kernel's, of a host name
  for (const auto& [flag, name] :
       {std::pair("--hostname", &flags.hostname), std::pair("--domainname", &flags.domainname)})
    if (name->size() > longest) throw wrong(flag, *name, "is longer than 64 bytes");
  config.hostname = flags.hostname;
  config.domainname = flags.domainname;
  for (const std::string& address : flags.dns) require_address("--dns", address);
  config.dns = flags.dns;
  config.dns_search = flags.dns_search;
  config.dns_options = flags.dns_options;
  config.extra_hosts = extra_hosts(flags.add_hosts);
  for (const auto& [name, address] : config.extra_hosts)
    if (address != "host-gateway") require_address("--add-host", address);
  for (const std::string& text : flags.publish)
    for (PortMapping& mapping : parse_published(text))
      // Twice the same is once, as in docker.
      if (std::find(config.ports.begin(), config.ports.end(), mapping) == config.ports.end())
        config.ports.push_back(std::move(mapping));
  config.publish_all = flags.publish_all;
  for (const std::string& text : flags.expose) config.exposed_ports.merge(parse_exposed(text));
  refuse_in_network(flags, config);
}

void take_devices(const ContainerFlags& flags, ContainerConfig& config) {
  for (const std::string& device : flags.devices) {
    if (device_kind(device).empty())
      throw wrong("--device", device, "is no CDI name")
          .hint(
              "slipway gives devices by VENDOR/CLASS=NAME; a specification in /etc/cdi names those "
              "of "
              "/dev");
  }
  config.devices = flags.devices;
}

void take_logs(const ContainerFlags& flags, ContainerConfig& config) {
  const std::string& driver = flags.log_driver;
  config.no_logs = driver == "none";
  if (driver.empty() || driver == "none" || driver == "json-file" || driver == "local") return;
  throw wrong("--log-driver", driver, "is not known")
      .hint(did_you_mean(driver, {"json-file", "local", "none"}, "json-file, local or none"));
}

void refuse_restarts(const std::string& policy) {
  if (policy.empty() || policy == "no") return;
  const std::string name = policy.substr(0, policy.find(':'));
  if (name == "always" || name == "unless-stopped" || name == "on-failure")
    throw wrong("--restart", policy, "is not possible: slipway has no daemon to do it")
        .hint(
            "let the machine's init run `slipway start --attach NAME`, as a unit of systemd with "
            "Restart=");
  throw wrong("--restart", policy, "is no policy").hint("no");
}

PullPolicy pull_policy(const std::string& text) {
  if (text == "always") return PullPolicy::always;
  if (text == "missing" || text.empty()) return PullPolicy::missing;
  if (text == "never") return PullPolicy::never;
  throw wrong("--pull", text, "is not known")
      .hint(did_you_mean(text, {"always", "missing", "never"}, "always, missing or never"));
}

}  // namespace

CreateRequest create_request(const ContainerFlags& flags, const std::filesystem::path& directory) {
  refuse_others(flags);
  refuse_restarts(flags.restart);
  CreateRequest request;
  request.image = flags.words.front();
  request.pull = pull_policy(flags.pull);
  if (!flags.platform.empty())
    request.platform = flags.platform == "local" ? host_platform() : parse_platform(flags.platform);
  request.quiet = flags.quiet;
  request.cidfile = flags.cidfile;
  ContainerRequest& container = request.container;
  if (!flags.name.empty()) require_container_name(flags.name);
  container.name = flags.name;
  take_program(flags, container);
  ContainerConfig& config = container.config;
  config.labels = parse_labels(flags.label_files, flags.labels);
  for (const std::string& text : flags.volumes)
    container.mounts.push_back(parse_volume(text, directory));
  for (const std::string& text : flags.mounts)
    container.mounts.push_back(parse_mount(text, directory));
  for (const std::string& text : flags.tmpfs) container.mounts.push_back(parse_tmpfs(text));
  for (const std::string& text : flags.volumes_from)
    container.volumes_from.push_back(parse_volumes_from(text));
  config.read_only = flags.read_only;
  take_network(flags, config);
  config.privileged = flags.privileged;
  config.added_capabilities = parse_capabilities(flags.added_capabilities);
  config.dropped_capabilities = parse_capabilities(flags.dropped_capabilities);
  take_security_options(flags.security, config);
  take_devices(flags, config);
  take_logs(flags, config);
  config.limits = resource_limits_of(flags.limits);
  config.shm_size = shm_size_of(flags.limits);
  config.ulimits = normal_limits(flags.limits.ulimits);
  config.auto_remove = flags.remove;
  return request;
}

}  // namespace slipway
