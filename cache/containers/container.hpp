// A container: what was asked for when it was created, its image, and a layer of its own.
//
// Everything here is decided once, by `create`, from the flags and the image: starting it again
// needs neither. What it is doing at the moment is state.hpp's.
#pragma once

#include <ir/digest.hpp>
#include <ir/image_config.hpp>
#include <ir/layer.hpp>
#include <ir/platform.hpp>
#include <ir/resource_limits.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// --publish.
struct PortMapping {
  std::string host_address;      // numeric; empty: all
  std::uint16_t host_port = 0;   // 0: a free one, chosen at each start
  std::uint16_t port = 0;        // in the container
  std::string protocol = "tcp";  // tcp, udp
  bool operator==(const PortMapping&) const = default;
};

// --volume, --mount, --tmpfs, and VOLUME of the image.
struct ContainerMount {
  enum class Type { bind, volume, tmpfs };
  Type type = Type::bind;
  std::string source;  // bind: absolute path of this machine; volume: its name; tmpfs: nothing
  std::string target;  // absolute path in the container, clean
  bool read_only = false;
  bool anonymous = false;      // volume: made for this container; goes with `rm --volumes`
  bool no_copy = false;        // volume: stays empty, and is not filled with the image's files
  std::uint64_t size = 0;      // tmpfs: bytes; 0: no limit
  std::uint32_t mode = 01777;  // tmpfs
  bool exec = false;           // tmpfs: its files can be run
  bool operator==(const ContainerMount&) const = default;
};

struct ContainerConfig {
  // The program; as docker's Config.
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;      // behind the entrypoint
  std::vector<std::string> environment;  // "NAME=value", the image's and the flags'
  std::string working_directory;         // empty: /
  std::string user;                      // as USER has it
  std::string hostname;  // empty: the beginning of the ID; not in the host's network
  std::string domainname;
  Platform platform;
  std::map<std::string, std::string> labels;
  std::set<std::string> exposed_ports;       // "80/tcp"
  std::string stop_signal;                   // "SIGTERM", "15"; empty: SIGTERM
  std::optional<std::int64_t> stop_timeout;  // seconds; nothing: ten
  std::optional<HealthcheckConfig> healthcheck;
  std::vector<std::string> shell;  // of the image
  bool terminal = false;           // --tty
  bool keeps_input = false;        // --interactive
  bool attach_input = false;       // what `start --attach` shows
  bool attach_output = false;
  bool attach_error = false;

  // How it is held; as docker's HostConfig.
  std::string network = "default";  // "default", "none", "host", "container:ID" or a network's name
  std::vector<std::string> network_aliases;
  std::string address;  // --ip; empty: any of the network's
  std::vector<PortMapping> ports;
  bool publish_all = false;
  std::vector<std::pair<std::string, std::string>> extra_hosts;  // name, address
  std::vector<std::string> dns;  // name servers; empty: the machine's
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::vector<ContainerMount> mounts;
  bool read_only = false;
  bool privileged = false;
  std::vector<std::string> added_capabilities;  // "NET_ADMIN", "ALL"
  std::vector<std::string> dropped_capabilities;
  bool no_new_privileges = false;
  bool no_filter = false;  // seccomp=unconfined
  bool no_masks = false;   // systempaths=unconfined
  ResourceLimits limits;
  std::vector<std::string> ulimits;  // "nofile=1024:2048"
  std::uint64_t shm_size = 0;        // bytes; 0: 64 MiB
  std::vector<std::string> devices;  // CDI's names
  std::vector<std::string> groups;   // --group-add: names or numbers
  bool init = false;                 // a first process that reaps, before the program
  bool auto_remove = false;          // --rm
  bool no_logs = false;              // --log-driver none

  bool operator==(const ContainerConfig&) const = default;
};

struct Container {
  std::string id;  // 64 hexadecimal digits
  std::string name;
  Digest image;              // its ID
  std::string image_name;    // as it was asked for, "alpine"
  LayerStack layers;         // the image's
  std::int64_t created = 0;  // nanoseconds since the epoch
  ContainerConfig config;
};

// Bytes for the store, that hold arguments and variables of any bytes.
std::string write_container_config(const ContainerConfig& config);
// Throws Error on what write_container_config() has not written.
ContainerConfig read_container_config(std::string_view bytes);

}  // namespace slipway
