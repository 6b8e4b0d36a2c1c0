#include "describe_container.hpp"

#include "listed.hpp"

#include <cache/containers/networks.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/store.hpp>
#include <executor/containers/container_tree.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t usual_shm_size = 64 << 20;
constexpr std::uint64_t usual_period = 100'000;  // microseconds

// As Go writes it: nanoseconds without zeros at their end; "0001-..." for none.
std::string time_with_fraction(std::int64_t nanoseconds) {
  if (nanoseconds <= 0) return "0001-01-01T00:00:00Z";
  const std::time_t seconds = nanoseconds / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text;
  std::string result(text.data(),
                     std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts));
  std::snprintf(text.data(), text.size(), ".%09lld",
                static_cast<long long>(nanoseconds % 1'000'000'000));
  std::string fraction = text.data();
  fraction.resize(fraction.find_last_not_of('0') + 1);
  return result + (fraction == "." ? "" : fraction) + "Z";
}

// Go's slices and maps are null where they were never filled.
template <class List>
Json list_or_null(const List& list) {
  return list.empty() ? Json(nullptr) : Json(list);
}

Json map_of(const std::map<std::string, std::string>& map) {
  Json json = Json::object();
  for (const auto& [key, value] : map) json[key] = value;
  return json;
}

Json keys_of(const std::set<std::string>& keys) {
  Json json = Json::object();
  for (const std::string& key : keys) json[key] = Json::object();
  return json;
}

Json healthcheck_of(const HealthcheckConfig& check) {
  Json json;
  json["Test"] = check.test;
  if (check.interval != 0) json["Interval"] = check.interval;
  if (check.timeout != 0) json["Timeout"] = check.timeout;
  if (check.start_period != 0) json["StartPeriod"] = check.start_period;
  if (check.start_interval != 0) json["StartInterval"] = check.start_interval;
  if (check.retries != 0) json["Retries"] = check.retries;
  return json;
}

Json state_of(const ListedContainer& listed) {
  const ContainerState& state = listed.state;
  Json json;
  json["Status"] = status_name(state.status);
  json["Running"] = state.alive();
  json["Paused"] = state.status == ContainerStatus::paused;
  json["Restarting"] = false;
  json["OOMKilled"] = state.out_of_memory;
  json["Dead"] = false;
  json["Pid"] = state.alive() ? state.process.pid : 0;
  json["ExitCode"] = state.alive() ? 0 : state.exit_code;
  json["Error"] = state.error;
  json["StartedAt"] = time_with_fraction(state.started);
  json["FinishedAt"] = time_with_fraction(state.finished);
  if (!listed.health) return json;
  Json& health = json["Health"];
  health["Status"] = health_status_name(listed.health->status);
  health["FailingStreak"] = listed.health->failing_streak;
  health["Log"] = Json::array();
  for (const HealthResult& result : listed.health->log)
    health["Log"].push_back({{"Start", time_with_fraction(result.start)},
                             {"End", time_with_fraction(result.end)},
                             {"ExitCode", result.exit_code},
                             {"Output", result.output}});
  return json;
}

Json config_of(const Container& container) {
  const ContainerConfig& config = container.config;
  const bool own_name = config.network != "host" && !config.network.starts_with("container:");
  Json json;
  json["Hostname"] = !config.hostname.empty() ? config.hostname
                     : own_name               ? container.id.substr(0, 12)
                                              : "";
  json["Domainname"] = config.domainname;
  json["User"] = config.user;
  json["AttachStdin"] = config.attach_input;
  json["AttachStdout"] = config.attach_output;
  json["AttachStderr"] = config.attach_error;
  if (!config.exposed_ports.empty()) json["ExposedPorts"] = keys_of(config.exposed_ports);
  json["Tty"] = config.terminal;
  json["OpenStdin"] = config.keeps_input;
  json["StdinOnce"] = config.keeps_input && config.attach_input;
  json["Env"] = config.environment;
  json["Cmd"] = list_or_null(config.command);
  if (config.healthcheck) json["Healthcheck"] = healthcheck_of(*config.healthcheck);
  json["Image"] = container.image_name;
  std::set<std::string> volumes;
  for (const ContainerMount& mount : config.mounts)
    if (mount.type == ContainerMount::Type::volume && mount.anonymous) volumes.insert(mount.target);
  json["Volumes"] = volumes.empty() ? Json(nullptr) : keys_of(volumes);
  json["WorkingDir"] = config.working_directory;
  json["Entrypoint"] = list_or_null(config.entrypoint);
  json["OnBuild"] = nullptr;
  json["Labels"] = map_of(config.labels);
  if (!config.stop_signal.empty()) json["StopSignal"] = config.stop_signal;
  if (config.stop_timeout) json["StopTimeout"] = *config.stop_timeout;
  if (!config.shell.empty()) json["Shell"] = config.shell;
  return json;
}

Json bindings_of(const std::vector<PortMapping>& ports, bool chosen) {
  Json json = Json::object();
  for (const PortMapping& port : ports) {
    // As asked for, an address may be missing, and the port where any will do.
    const std::string address = chosen && port.host_address.empty() ? "0.0.0.0" : port.host_address;
    json[std::to_string(port.port) + "/" + port.protocol].push_back(
        {{"HostIp", address},
         {"HostPort", port.host_port == 0 ? "" : std::to_string(port.host_port)}});
  }
  return json;
}

// "nofile=1024:2048".
Json ulimits_of(const std::vector<std::string>& ulimits) {
  Json json = Json::array();
  for (const std::string& text : ulimits) {
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::size_t colon = std::min(text.find(':', equals), text.size());
    const auto number = [](const std::string& digits) -> std::int64_t {
      return digits.empty() ? 0 : std::strtoll(digits.c_str(), nullptr, 10);
    };
    const std::string soft = text.substr(std::min(equals + 1, text.size()), colon - equals - 1);
    const std::string hard = colon < text.size() ? text.substr(colon + 1) : soft;
    json.push_back(
        {{"Name", text.substr(0, equals)}, {"Hard", number(hard)}, {"Soft", number(soft)}});
  }
  return json;
}

std::vector<std::string> binds_of(const ContainerConfig& config) {
  std::vector<std::string> binds;
  for (const ContainerMount& mount : config.mounts) {
    if (mount.type == ContainerMount::Type::tmpfs || mount.anonymous) continue;
    std::string options = mount.read_only ? "ro" : "";
    if (mount.no_copy) options += options.empty() ? "nocopy" : ",nocopy";
    binds.push_back(mount.source + ":" + mount.target + (options.empty() ? "" : ":" + options));
  }
  return binds;
}

std::vector<std::string> security_of(const ContainerConfig& config) {
  std::vector<std::string> options;
  if (config.no_new_privileges) options.emplace_back("no-new-privileges");
  if (config.no_filter) options.emplace_back("seccomp=unconfined");
  if (config.no_masks) options.emplace_back("systempaths=unconfined");
  return options;
}

// "CAP_NET_ADMIN", as docker shows them.
std::vector<std::string> capabilities_of(const std::vector<std::string>& kept) {
  std::vector<std::string> names;
  for (const std::string& name : kept) names.push_back(name == "ALL" ? name : "CAP_" + name);
  return names;
}

Json host_config_of(const ContainerConfig& config) {
  const ResourceLimits& limits = config.limits;
  Json json;
  json["Binds"] = list_or_null(binds_of(config));
  json["ContainerIDFile"] = "";
  json["LogConfig"] = {{"Type", config.no_logs ? "none" : "json-file"}, {"Config", Json::object()}};
  json["NetworkMode"] = config.network == "default" ? "bridge" : config.network;
  json["PortBindings"] = bindings_of(config.ports, false);
  json["RestartPolicy"] = {{"Name", "no"}, {"MaximumRetryCount", 0}};
  json["AutoRemove"] = config.auto_remove;
  json["VolumeDriver"] = "";
  json["VolumesFrom"] = nullptr;
  json["ConsoleSize"] = {0, 0};
  json["CapAdd"] = list_or_null(capabilities_of(config.added_capabilities));
  json["CapDrop"] = list_or_null(capabilities_of(config.dropped_capabilities));
  json["CgroupnsMode"] = "private";
  json["Dns"] = config.dns;
  json["DnsOptions"] = config.dns_options;
  json["DnsSearch"] = config.dns_search;
  json["ExtraHosts"] = nullptr;
  for (const auto& [name, address] : config.extra_hosts)
    json["ExtraHosts"].push_back(name + ":" + address);
  json["GroupAdd"] = list_or_null(config.groups);
  json["IpcMode"] = "private";
  json["Cgroup"] = "";
  json["Links"] = nullptr;
  json["OomScoreAdj"] = 0;
  json["PidMode"] = "";
  json["Privileged"] = config.privileged;
  json["PublishAllPorts"] = config.publish_all;
  json["ReadonlyRootfs"] = config.read_only;
  json["SecurityOpt"] = list_or_null(security_of(config));
  Json tmpfs = Json::object();
  for (const ContainerMount& mount : config.mounts) {
    if (mount.type != ContainerMount::Type::tmpfs) continue;
    std::string options = mount.read_only ? "ro" : "";
    if (mount.exec) options += options.empty() ? "exec" : ",exec";
    if (mount.size != 0)
      options += (options.empty() ? "size=" : ",size=") + std::to_string(mount.size);
    tmpfs[mount.target] = options;
  }
  if (!tmpfs.empty()) json["Tmpfs"] = std::move(tmpfs);
  json["UTSMode"] = "";
  json["UsernsMode"] = "";
  json["ShmSize"] = config.shm_size == 0 ? usual_shm_size : config.shm_size;
  json["Runtime"] = "slipway";
  json["Isolation"] = "";
  json["CpuShares"] = limits.cpu_shares.value_or(0);
  json["Memory"] = limits.memory.value_or(0);
  // --cpus is kept as what it stands for, with this period.
  const bool cpus = limits.cpu_quota && limits.cpu_period == usual_period;
  json["NanoCpus"] = cpus ? *limits.cpu_quota * (1'000'000'000 / usual_period) : 0;
  json["CgroupParent"] = limits.cgroup_parent;
  json["CpuPeriod"] = cpus ? 0 : limits.cpu_period.value_or(0);
  json["CpuQuota"] = cpus ? 0 : limits.cpu_quota.value_or(0);
  json["CpusetCpus"] = limits.cpuset_cpus;
  json["CpusetMems"] = limits.cpuset_mems;
  json["Devices"] = Json::array();
  json["DeviceCgroupRules"] = nullptr;
  json["DeviceRequests"] = nullptr;
  if (!config.devices.empty())
    json["DeviceRequests"].push_back(
        {{"Driver", "cdi"}, {"Count", 0}, {"DeviceIDs", config.devices}});
  json["MemoryReservation"] = 0;
  json["MemorySwap"] = limits.memory_swap.value_or(0);
  json["MemorySwappiness"] = nullptr;
  json["OomKillDisable"] = nullptr;
  json["PidsLimit"] = limits.pids ? Json(*limits.pids) : Json(nullptr);
  json["Ulimits"] = ulimits_of(config.ulimits);
  json["Init"] = config.init ? Json(true) : Json(nullptr);
  return json;
}

Json mounts_of(Store& store, const ContainerConfig& config) {
  Json list = Json::array();
  for (const ContainerMount& mount : config.mounts) {
    Json json;
    switch (mount.type) {
      case ContainerMount::Type::bind:
        json["Type"] = "bind";
        json["Source"] = mount.source;
        break;
      case ContainerMount::Type::volume:
        json["Type"] = "volume";
        json["Name"] = mount.source;
        json["Source"] = store.volumes().directory(mount.source).string();
        break;
      case ContainerMount::Type::tmpfs:
        json["Type"] = "tmpfs";
        json["Source"] = "";
        break;
    }
    json["Destination"] = mount.target;
    if (mount.type == ContainerMount::Type::volume) json["Driver"] = "local";
    json["Mode"] = "";
    json["RW"] = !mount.read_only;
    json["Propagation"] = mount.type == ContainerMount::Type::bind ? "rprivate" : "";
    list.push_back(std::move(json));
  }
  return list;
}

Json network_settings_of(Store& store, const ListedContainer& listed) {
  const ContainerConfig& config = listed.container.config;
  Json ports = Json::object();
  if (listed.state.alive()) {
    ports = bindings_of(listed.state.ports, true);
    for (const std::string& port : config.exposed_ports)
      if (!ports.contains(port)) ports[port] = nullptr;
  }
  const std::string name = network_text(config);
  const std::optional<Network> network = store.networks().find(name);
  const std::string gateway =
      network && !listed.state.address.empty() ? network->gateway : std::string();
  const std::size_t slash = network ? network->subnet.find('/') : std::string::npos;
  const std::int64_t length = slash != std::string::npos && !listed.state.address.empty()
                                  ? std::strtol(network->subnet.c_str() + slash + 1, nullptr, 10)
                                  : 0;
  Json json;
  json["Bridge"] = "";
  json["SandboxID"] = "";
  json["SandboxKey"] = "";
  json["Ports"] = std::move(ports);
  json["HairpinMode"] = false;
  json["EndpointID"] = "";
  json["Gateway"] = gateway;
  json["GlobalIPv6Address"] = "";
  json["GlobalIPv6PrefixLen"] = 0;
  json["IPAddress"] = listed.state.address;
  json["IPPrefixLen"] = length;
  json["IPv6Gateway"] = "";
  json["MacAddress"] = "";
  json["Networks"] = Json::object();
  if (name.starts_with("container:")) return json;
  Json& one = json["Networks"][name];
  one["IPAMConfig"] = nullptr;
  one["Links"] = nullptr;
  one["Aliases"] = list_or_null(config.network_aliases);
  one["MacAddress"] = "";
  one["NetworkID"] = network ? network->id : "";
  one["EndpointID"] = "";
  one["Gateway"] = gateway;
  one["IPAddress"] = listed.state.address;
  one["IPPrefixLen"] = length;
  one["IPv6Gateway"] = "";
  one["GlobalIPv6Address"] = "";
  one["GlobalIPv6PrefixLen"] = 0;
  one["DriverOpts"] = nullptr;
  return json;
}

Json describe(Store& store, const ListedContainer& listed, bool size) {
  const Container& container = listed.container;
  const ContainerConfig& config = container.config;
  const std::filesystem::path folder = store.containers().folder(container.id);
  std::vector<std::string> words = config.entrypoint;
  words.insert(words.end(), config.command.begin(), config.command.end());
  Json json;
  json["Id"] = container.id;
  json["Created"] = time_with_fraction(container.created);
  json["Path"] = words.empty() ? "" : words.front();
  json["Args"] = words.empty() ? words : std::vector<std::string>(words.begin() + 1, words.end());
  json["State"] = state_of(listed);
  json["Image"] = container.image.text();
  json["ResolvConfPath"] = (folder / "resolv.conf").string();
  json["HostnamePath"] = (folder / "hostname").string();
  json["HostsPath"] = (folder / "hosts").string();
  json["LogPath"] = config.no_logs ? "" : (folder / "log").string();
  json["Name"] = "/" + container.name;
  json["RestartCount"] = 0;
  json["Driver"] = "overlayfs";
  json["Platform"] = config.platform.os.empty() ? "linux" : config.platform.os;
  json["MountLabel"] = "";
  json["ProcessLabel"] = "";
  json["AppArmorProfile"] = "";
  json["ExecIDs"] = nullptr;
  json["HostConfig"] = host_config_of(config);
  json["GraphDriver"] = {
      {"Data",
       {{"UpperDir", (folder / "upper").string()}, {"WorkDir", (folder / "work").string()}}},
      {"Name", "overlayfs"}};
  if (size) {
    const ContainerSize bytes = container_size(store, container);
    json["SizeRw"] = bytes.own;
    json["SizeRootFs"] = bytes.whole;
  }
  json["Mounts"] = mounts_of(store, config);
  json["Config"] = config_of(container);
  json["NetworkSettings"] = network_settings_of(store, listed);
  return json;
}

Value with_empty_fields(const Value& value, std::vector<ValueMember> fields) {
  const auto* object = value.as<Value::Object>();
  if (object == nullptr) return value;
  std::vector<ValueMember> members = (*object)->members;
  for (ValueMember& field : fields)
    if (member(value, field.name) == nullptr)
      members.push_back({field.name, std::move(field.value), false});
  return make_record(std::move(members));
}

// What is left out where it is empty may be asked for by a template all the same.
Value template_data(std::string_view json) {
  const Value all = with_maps(json, {"Labels", "ExposedPorts", "Volumes", "Ports", "Networks",
                                     "PortBindings", "Tmpfs", "Data"});
  std::vector<ValueMember> members = (*all.as<Value::Object>())->members;
  for (ValueMember& each : members) {
    if (each.name == "State") {
      each.value = with_empty_fields(each.value, {{"Health", Value::Null{}}});
    } else if (each.name == "Config") {
      each.value = with_empty_fields(each.value, {{"ExposedPorts", make_map({})},
                                                  {"Healthcheck", Value::Null{}},
                                                  {"StopSignal", ""},
                                                  {"StopTimeout", Value::Null{}},
                                                  {"Shell", Value::list({})}});
    } else if (each.name == "HostConfig") {
      each.value = with_empty_fields(each.value, {{"Tmpfs", make_map({})}});
    }
  }
  return make_record(std::move(members));
}

}  // namespace

Described describe_container(Store& store, Container container, bool size) {
  const ListedContainer listed = listed_container(store, std::move(container));
  return {describe(store, listed, size).dump(-1, ' ', false, Json::error_handler_t::replace),
          template_data};
}

}  // namespace slipway
