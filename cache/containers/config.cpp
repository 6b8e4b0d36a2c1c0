#include <cache/containers/container.hpp>

#include <ir/error.hpp>

#include <nlohmann/json.hpp>

namespace slipway {

using Json = nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PortMapping, host_address, host_port, port,
                                                protocol)

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Platform, os, architecture, variant)

NLOHMANN_JSON_SERIALIZE_ENUM(ContainerMount::Type, {{ContainerMount::Type::bind, "bind"},
                                                    {ContainerMount::Type::volume, "volume"},
                                                    {ContainerMount::Type::tmpfs, "tmpfs"}})

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ContainerMount, type, source, target, read_only,
                                                anonymous, no_copy, size, mode, exec)

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(HealthcheckConfig, test, interval, timeout,
                                                start_period, start_interval, retries)

}  // namespace slipway

// What the library has no words for.
namespace nlohmann {

template <class T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& to, const std::optional<T>& from) {
    if (from) {
      to = *from;
    } else {
      to = nullptr;
    }
  }
  static void from_json(const json& from, std::optional<T>& to) {
    if (from.is_null()) {
      to.reset();
    } else {
      to = from.get<T>();
    }
  }
};

}  // namespace nlohmann

namespace slipway {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ResourceLimits, memory, memory_swap, cpu_shares,
                                                cpu_quota, cpu_period, cpuset_cpus, cpuset_mems,
                                                pids, cgroup_parent)

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(
    ContainerConfig, entrypoint, command, environment, working_directory, user, hostname,
    domainname, platform, labels, exposed_ports, stop_signal, stop_timeout, healthcheck, shell,
    terminal, keeps_input, attach_input, attach_output, attach_error, network, network_aliases,
    address, ports, publish_all, extra_hosts, dns, dns_search, dns_options, mounts, read_only,
    privileged, added_capabilities, dropped_capabilities, no_new_privileges, no_filter, no_masks,
    limits, ulimits, shm_size, devices, groups, init, auto_remove, no_logs)

std::string write_container_config(const ContainerConfig& config) {
  // CBOR, because JSON has no way to keep an argument that is no UTF-8.
  std::string bytes;
  Json::to_cbor(Json(config), bytes);
  return bytes;
}

ContainerConfig read_container_config(std::string_view bytes) {
  try {
    return Json::from_cbor(bytes).get<ContainerConfig>();
  } catch (const Json::exception& error) {
    throw Error(std::string("a container's config in the store is damaged: ") + error.what())
        .hint("slipway fsck says more");
  }
}

}  // namespace slipway
