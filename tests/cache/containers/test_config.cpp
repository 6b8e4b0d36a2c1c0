#include <cache/containers/container.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <tuple>
#include <utility>

using namespace slipway;

namespace {

// Every field of a struct. One that is added does not fit these names any more: list it, give it a
// value in full(), and have config.cpp keep it.
auto fields(const PortMapping& value) {
  const auto& [a, b, c, d] = value;
  return std::tie(a, b, c, d);
}
auto fields(const ContainerMount& value) {
  const auto& [a, b, c, d, e, f, g, h, i] = value;
  return std::tie(a, b, c, d, e, f, g, h, i);
}
auto fields(const HealthcheckConfig& value) {
  const auto& [a, b, c, d, e, f] = value;
  return std::tie(a, b, c, d, e, f);
}
auto fields(const ResourceLimits& value) {
  const auto& [a, b, c, d, e, f, g, h, i] = value;
  return std::tie(a, b, c, d, e, f, g, h, i);
}
auto fields(const ContainerConfig& value) {
  const auto& [entrypoint, command, environment, working_directory, user, hostname, domainname,
               platform, labels, exposed_ports, stop_signal, stop_timeout, healthcheck, shell,
               terminal, keeps_input, attach_input, attach_output, attach_error, network,
               network_aliases, address, ports, publish_all, extra_hosts, dns, dns_search,
               dns_options, mounts, read_only, privileged, added_capabilities, dropped_capabilities,
               no_new_privileges, no_filter, no_masks, limits, ulimits, shm_size, devices, groups,
               init, auto_remove, no_logs] = value;
  return std::tie(entrypoint, command, environment, working_directory, user, hostname, domainname,
                  platform, labels, exposed_ports, stop_signal, stop_timeout, healthcheck, shell,
                  terminal, keeps_input, attach_input, attach_output, attach_error, network,
                  network_aliases, address, ports, publish_all, extra_hosts, dns, dns_search,
                  dns_options, mounts, read_only, privileged, added_capabilities,
                  dropped_capabilities, no_new_privileges, no_filter, no_masks, limits, ulimits,
                  shm_size, devices, groups, init, auto_remove, no_logs);
}

template <class Struct>
void check_all_differ(const Struct& value) {
  const Struct none;
  const auto given = fields(value);
  const auto usual = fields(none);
  std::apply(
      [&](const auto&... each) {
        std::apply(
            [&](const auto&... other) {
              std::size_t position = 0;
              const auto check = [&](bool differs) {
                CAPTURE(position);
                CHECK(differs);
                ++position;
              };
              (check(!(each == other)), ...);
            },
            usual);
      },
      given);
}

ContainerConfig full() {
  ContainerConfig config;
  config.entrypoint = {"/bin/sh", "-c"};
  config.command = {"echo", "", std::string("no \xff UTF-8"), std::string("a\nb\0c", 5)};
  config.environment = {"PATH=/bin", "EMPTY=", "BYTES=\xc3\x28"};
  config.working_directory = "/srv";
  config.user = "1000:staff";
  config.hostname = "web";
  config.domainname = "example.org";
  config.platform = {"linux", "arm", "v7"};
  config.labels = {{"one", "1"}, {"none", ""}};
  config.exposed_ports = {"80/tcp", "53/udp"};
  config.stop_signal = "SIGQUIT";
  config.stop_timeout = 0;
  config.healthcheck.emplace(HealthcheckConfig{{"CMD", "true"}, 1, 2, 3, 4, 5});
  config.shell = {"/bin/bash"};
  config.terminal = true;
  config.keeps_input = true;
  config.attach_input = true;
  config.attach_output = true;
  config.attach_error = true;
  config.network = "container:abc";
  config.network_aliases = {"db", "database"};
  config.address = "10.89.0.7";
  config.ports = {{"127.0.0.1", 8080, 80, "udp"}, {"::1", 65535, 1, "tcp"}};
  config.publish_all = true;
  config.extra_hosts = {{"host", "1.2.3.4"}, {"gate", "host-gateway"}};
  config.dns = {"9.9.9.9"};
  config.dns_search = {"lan"};
  config.dns_options = {"ndots:2"};
  config.mounts = {
      {ContainerMount::Type::bind, "/srv", "/data", true, false, false, 0, 01777, false},
      {ContainerMount::Type::volume, "data", "/var", true, true, true, 1, 0700, true},
      {ContainerMount::Type::tmpfs, "", "/tmp", false, false, false, 1ULL << 40, 01777, false}};
  config.read_only = true;
  config.privileged = true;
  config.added_capabilities = {"NET_ADMIN"};
  config.dropped_capabilities = {"ALL"};
  config.no_new_privileges = true;
  config.no_filter = true;
  config.no_masks = true;
  config.limits = {1ULL << 40, -1, 2, 3, 4, "0-3", "0", 5, "/slice"};
  config.ulimits = {"nofile=1024:2048"};
  config.shm_size = 1;
  config.devices = {"vendor.com/gpu=0"};
  config.groups = {"audio", "44"};
  config.init = true;
  config.auto_remove = true;
  config.no_logs = true;
  return config;
}

}  // namespace

TEST_CASE("a config comes back with every field") {
  const ContainerConfig config = full();
  check_all_differ(config);
  check_all_differ(config.ports.front());
  check_all_differ(config.mounts[1]);
  check_all_differ(*config.healthcheck);
  check_all_differ(config.limits);
  CHECK(read_container_config(write_container_config(config)) == config);
  CHECK(read_container_config(write_container_config({})) == ContainerConfig());
}

TEST_CASE("nothing and zero are told apart") {
  ContainerConfig config = full();
  config.stop_timeout = 0;
  config.limits = {};
  config.limits.memory = 0;
  config.healthcheck->test.clear();
  const ContainerConfig read = read_container_config(write_container_config(config));
  CHECK(read.stop_timeout == 0);
  CHECK(read.limits.memory == 0);
  CHECK(read.healthcheck.has_value());
  CHECK_FALSE(read.limits.pids.has_value());
}

TEST_CASE("a config of a slipway that knew less has the usual values") {
  // An empty map.
  CHECK(read_container_config("\xa0") == ContainerConfig());
}

TEST_CASE("damaged bytes are an error, and never more") {
  CHECK_THROWS_AS((void)read_container_config(""), Error);
  CHECK_THROWS_AS((void)read_container_config("{}"), Error);
  CHECK_THROWS_AS((void)read_container_config("\x80"), Error);
  const std::string good = write_container_config(full());
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS((void)read_container_config(good.substr(0, size)), Error);
  }
  CHECK_THROWS_AS((void)read_container_config(good + "x"), Error);
  std::mt19937 random(8);
  for (int round = 0; round < 5'000; ++round) {
    std::string bytes = good;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    try {
      (void)read_container_config(bytes);
    } catch (const Error&) {
    }
  }
}
