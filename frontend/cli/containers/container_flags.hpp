// What `slipway run` and `slipway create` take, as it was written.
#pragma once

#include "../build_limits.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace slipway {

struct ContainerFlags {
  std::vector<std::string> words;  // the image, and what stands behind it
  std::string name;
  std::string cidfile;
  std::string pull = "missing";
  std::string platform;
  bool quiet = false;

  bool interactive = false;
  bool terminal = false;
  bool remove = false;
  bool init = false;
  std::vector<std::string> attach;
  std::optional<std::string> entrypoint;  // "" counts
  std::vector<std::string> environment;
  std::vector<std::string> environment_files;
  std::string working_directory;
  std::string user;
  std::vector<std::string> groups;
  std::vector<std::string> labels;
  std::vector<std::string> label_files;
  std::string stop_signal;
  std::string stop_timeout;
  std::string log_driver;
  std::string restart;

  std::vector<std::string> volumes;
  std::vector<std::string> mounts;
  std::vector<std::string> tmpfs;
  std::vector<std::string> volumes_from;
  bool read_only = false;

  std::vector<std::string> networks;
  std::vector<std::string> network_aliases;
  std::string address;
  std::string hostname;
  std::string domainname;
  std::vector<std::string> add_hosts;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::vector<std::string> publish;
  std::vector<std::string> expose;
  bool publish_all = false;

  std::vector<std::string> added_capabilities;
  std::vector<std::string> dropped_capabilities;
  std::vector<std::string> security;
  bool privileged = false;
  std::vector<std::string> devices;

  LimitFlags limits;

  std::string health_command;
  std::string health_interval;
  std::string health_timeout;
  std::string health_retries;
  std::string health_start_period;
  std::string health_start_interval;
  bool no_healthcheck = false;

  // docker's other flags, and what was given to them.
  std::vector<std::pair<std::string, std::string>> others;
};

// Everything behind the image's name is the program's: flags of ours stand before it.
void declare_container_flags(CLI::App& app, ContainerFlags& flags);

// The first word is the image, unless it is `built`: then that is empty. Throws Error where there
// is none, or a flag that nobody knows.
void take_words(const CLI::App& app, ContainerFlags& flags, bool built = false);

// Whether docker's other flags can be what was asked for: what changes nothing is taken, the rest
// is an Error that says why.
void refuse_others(const ContainerFlags& flags);

}  // namespace slipway
