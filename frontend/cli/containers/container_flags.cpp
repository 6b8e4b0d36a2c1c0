#include "container_flags.hpp"

#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

class Group {
 public:
  Group(CLI::App& app, std::string name) : app_(app), name_(std::move(name)) {}

  void add(const std::string& names, std::string& value, const std::string& what,
           const std::string& type) {
    app_.add_option(names, value, what)->type_name(type)->group(name_);
  }
  // One value a flag, any number of flags.
  void add(const std::string& names, std::vector<std::string>& values, const std::string& what,
           const std::string& type) {
    app_.add_option(names, values, what)
        ->type_name(type)
        ->group(name_)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  void add(const std::string& names, bool& value, const std::string& what) {
    app_.add_flag(names, value, what)->group(name_);
  }

 private:
  CLI::App& app_;
  const std::string name_;
};

void declare_program(CLI::App& app, ContainerFlags& f) {
  Group group(app, "The program");
  group.add("-i,--interactive", f.interactive, "keep its standard input open");
  group.add("-t,--tty", f.terminal, "give it a terminal");
  group.add("-a,--attach", f.attach, "be connected to this alone: stdin, stdout or stderr",
            "STREAM");
  app.add_option_function<std::string>(
         "--entrypoint", [&f](const std::string& text) { f.entrypoint = text; },
         "in place of the image's ENTRYPOINT and CMD; \"\": none")
      ->type_name("PROGRAM")
      ->group("The program");
  group.add("-e,--env", f.environment, "a variable; NAME alone: with its value here",
            "NAME[=VALUE]");
  group.add("--env-file", f.environment_files, "variables, one a line; # begins a comment", "FILE");
  group.add("-w,--workdir", f.working_directory, "its working directory", "DIRECTORY");
  group.add("-u,--user", f.user, "its user, and its group", "USER[:GROUP]");
  group.add("--group-add", f.groups, "a further group, by name or number", "GROUP");
  group.add("--init", f.init, "start it behind a small init, which reaps and passes signals on");
  group.add("--stop-signal", f.stop_signal,
            "what `slipway stop` sends (default: the image's, or TERM)", "SIGNAL");
  group.add("--stop-timeout", f.stop_timeout,
            "how long `slipway stop` waits before it kills (default: 10; -1: for ever)", "SECONDS");
}

void declare_container(CLI::App& app, ContainerFlags& f) {
  Group group(app, "The container");
  group.add("--name", f.name, "what it is called (default: two words)", "NAME");
  group.add("--rm", f.remove, "remove it when it ends, with its anonymous volumes");
  group.add("-l,--label", f.labels, "a label", "KEY[=VALUE]");
  group.add("--label-file", f.label_files, "labels, one a line", "FILE");
  group.add("--cidfile", f.cidfile, "write its ID to a new file", "FILE");
  group.add("--log-driver", f.log_driver,
            "where its output is kept: json-file or local (both slipway's own log), or none",
            "NAME");
  group.add("--restart", f.restart, "no; nobody is there to start it again", "POLICY");
  group.add("--pull", f.pull, "the image: always, missing (the default) or never", "WHEN");
  group.add("--platform", f.platform, "the image's variant (default: the host's own)", "OS/ARCH");
  group.add("-q,--quiet", f.quiet, "do not show how the image is pulled");
}

void declare_files(CLI::App& app, ContainerFlags& f) {
  Group group(app, "Files");
  group.add("-v,--volume", f.volumes,
            "a directory or file of this machine (SOURCE begins with /, ./ or ../), or a named "
            "volume; without SOURCE an anonymous volume. OPTIONS: ro, nocopy",
            "[SOURCE:]TARGET[:OPTIONS]");
  group.add(
      "--mount", f.mounts,
      "the same in fields: type=bind|volume|tmpfs, source=, target=, readonly, volume-nocopy, "
      "volume-label=, tmpfs-size=, tmpfs-mode=",
      "FIELD=VALUE,...");
  group.add("--tmpfs", f.tmpfs, "files in memory. OPTIONS: size=64m, mode=1777, ro, exec",
            "TARGET[:OPTIONS]");
  group.add("--volumes-from", f.volumes_from, "what another container has mounted",
            "CONTAINER[:ro]");
  group.add("--read-only", f.read_only, "its root file system cannot be written");
}

void declare_network(CLI::App& app, ContainerFlags& f) {
  Group group(app, "Network");
  group.add("--network,--net", f.networks,
            "default (its own, with a way out), none, host, a network's name, or container:NAME",
            "NETWORK");
  group.add("--network-alias,--net-alias", f.network_aliases, "a further name in its network",
            "NAME");
  group.add("--ip", f.address, "its address in that network (default: a free one)", "ADDRESS");
  group.add(
      "-p,--publish", f.publish,
      "let a port of this machine be one of its own: 8080:80, 127.0.0.1:8080:80, 80 (any free "
      "one), 8000-8010:80-90, 53:53/udp",
      "[[ADDRESS:]PORT:]PORT[/PROTOCOL]");
  group.add("-P,--publish-all", f.publish_all, "the same for all that EXPOSE or --expose names");
  group.add("--expose", f.expose, "a port that its program answers at, or a range",
            "PORT[/PROTOCOL]");
  group.add("-h,--hostname", f.hostname, "what it calls itself (default: its short ID)", "NAME");
  group.add("--domainname", f.domainname, "its domain, for programs that ask for one", "NAME");
  group.add("--add-host", f.add_hosts,
            "a line of its /etc/hosts; host-gateway stands for this machine", "NAME:ADDRESS");
  group.add("--dns", f.dns, "a name server", "ADDRESS");
  group.add("--dns-search", f.dns_search, "a domain to look names up in", "DOMAIN");
  group.add("--dns-option,--dns-opt", f.dns_options, "an option of its /etc/resolv.conf", "OPTION");
}

void declare_rights(CLI::App& app, ContainerFlags& f) {
  Group group(app, "Rights");
  group.add("--cap-add", f.added_capabilities, "a capability beside docker's fourteen, or ALL",
            "CAPABILITY");
  group.add("--cap-drop", f.dropped_capabilities, "one less, or ALL", "CAPABILITY");
  group.add("--security-opt", f.security,
            "no-new-privileges, seccomp=unconfined, systempaths=unconfined", "OPTION");
  group.add("--privileged", f.privileged,
            "every right that slipway has itself: not for strangers' programs");
  group.add("--device", f.devices, "a device, by its CDI name", "VENDOR/CLASS=NAME");
}

void declare_health(CLI::App& app, ContainerFlags& f) {
  Group group(app, "Health");
  group.add("--health-cmd", f.health_command, "a shell command that says whether it is well",
            "COMMAND");
  group.add("--health-interval", f.health_interval, "time between two of them (default: 30s)",
            "DURATION");
  group.add("--health-timeout", f.health_timeout, "how long one may take (default: 30s)",
            "DURATION");
  group.add("--health-retries", f.health_retries,
            "how many must fail one after the other (default: 3)", "N");
  group.add("--health-start-period", f.health_start_period, "time in which failures do not count",
            "DURATION");
  group.add("--health-start-interval", f.health_start_interval,
            "time between two in that period (default: 5s)", "DURATION");
  group.add("--no-healthcheck", f.no_healthcheck, "without the image's HEALTHCHECK");
}

struct Other {
  const char* name;
  const char* why;        // it cannot be
  const char* unchanged;  // values that ask for what is so anyway, between spaces
  bool is_switch = false;
};

constexpr Other others[] = {
    {"--pid", "a container has its processes to itself", " private "},
    {"--ipc", "a container has its shared memory to itself", " private none "},
    {"--uts", "a container has its host name to itself; --hostname sets it", " private "},
    {"--userns", "the user namespace is the one of the store, which its layers' owners come from",
     " "},
    {"--cgroupns", "a container sees its own control groups alone", " private "},
    {"--runtime", "slipway has one sandbox, its own", " "},
    {"--isolation", "containers need namespaces; there is one kind on Linux", " default "},
    {"--memory-reservation", "slipway holds hard limits alone: --memory", " 0 "},
    {"--memory-swappiness", "newer kernels cannot hold it for a group of processes", " -1 "},
    {"--kernel-memory", "newer kernels count it as memory: --memory", " 0 "},
    {"--oom-score-adj", "it would shield a container's processes before those of this machine",
     " 0 "},
    {"--oom-kill-disable", "a container that cannot be ended would stand still for ever", " ",
     true},
    {"--blkio-weight", "slipway limits memory, processors and processes, no devices", " 0 "},
    {"--blkio-weight-device", "slipway limits memory, processors and processes, no devices", " "},
    {"--device-read-bps", "slipway limits memory, processors and processes, no devices", " "},
    {"--device-write-bps", "slipway limits memory, processors and processes, no devices", " "},
    {"--device-read-iops", "slipway limits memory, processors and processes, no devices", " "},
    {"--device-write-iops", "slipway limits memory, processors and processes, no devices", " "},
    {"--cpu-rt-period", "slipway gives no real-time priority", " 0 "},
    {"--cpu-rt-runtime", "slipway gives no real-time priority", " 0 "},
    {"--device-cgroup-rule", "a container has the devices that --device names", " "},
    {"--gpus", "a GPU is a device with a CDI name: --device nvidia.com/gpu=all", " "},
    {"--sysctl", "the kernel's settings are read-only in a container", " "},
    {"--link", "names are found in a network that both containers share: slipway network create",
     " "},
    {"--link-local-ip", "addresses are chosen by the network", " "},
    {"--ip6", "addresses are chosen by the network", " "},
    {"--mac-address", "addresses are chosen by the network", " "},
    {"--log-opt", "slipway's own log has no options", " "},
    {"--storage-opt", "a container's layer takes what the store's file system has", " "},
    {"--volume-driver", "volumes are directories of the store", " local "},
    {"--annotation", "there is no other runtime to hand annotations to; --label keeps them", " "},
    // Signatures that docker itself has given up.
    {"--disable-content-trust", "", "", true},
};

void declare_others(CLI::App& app, ContainerFlags& f) {
  for (const Other& other : others) {
    const std::string name = other.name;
    const auto keep = [&f, name](const std::string& value) { f.others.emplace_back(name, value); };
    if (other.is_switch) {
      app.add_flag_function(
             name, [keep](std::int64_t count) { keep(count > 0 ? "true" : ""); }, "")
          ->group("");
    } else {
      app.add_option_function<std::vector<std::string>>(
             name,
             [keep](const std::vector<std::string>& values) {
               for (const std::string& value : values) keep(value);
             },
             "")
          ->allow_extra_args(false)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
          ->group("");
    }
  }
}

// The words are no arguments that CLI11 knows of.
class WithWords : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string name) const override {
    return "Usage: " + name + " [OPTIONS] IMAGE [COMMAND [ARGUMENT...]]\n";
  }
};

}  // namespace

void declare_container_flags(CLI::App& app, ContainerFlags& flags) {
  // -h is the host name, as docker has it.
  app.set_help_flag("--help", "print this");
  app.prefix_command();
  app.formatter(std::make_shared<WithWords>());
  declare_container(app, flags);
  declare_program(app, flags);
  declare_files(app, flags);
  declare_network(app, flags);
  declare_rights(app, flags);
  declare_limits(app, flags.limits, LimitsOf::container);
  declare_health(app, flags);
  declare_others(app, flags);
}

void take_words(const CLI::App& app, ContainerFlags& flags, bool built) {
  flags.words = app.remaining();
  const std::string help = app.get_name() + " --help";
  if (!flags.words.empty() && flags.words.front() == "--") {
    flags.words.erase(flags.words.begin());
  } else if (!flags.words.empty() && flags.words.front().size() > 1 &&
             flags.words.front().front() == '-') {
    const std::string& flag = flags.words.front();
    std::vector<std::string> known;
    for (const CLI::Option* option : app.get_options())
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    throw Error(app.get_name() + " has no flag " + quoted(flag))
        .hint(did_you_mean(flag.substr(0, flag.find('=')), known, help));
  }
  if (built) flags.words.insert(flags.words.begin(), std::string());
  if (flags.words.empty()) throw Error(app.get_name() + " needs an image").hint(help);
}

void refuse_others(const ContainerFlags& flags) {
  for (const auto& [name, value] : flags.others) {
    const auto found = std::find_if(std::begin(others), std::end(others),
                                    [&](const Other& other) { return name == other.name; });
    const std::string_view unchanged = found->unchanged;
    if (unchanged.empty() || value.empty() ||
        unchanged.find(" " + value + " ") != std::string_view::npos)
      continue;
    throw Error(name + (found->is_switch ? "" : " " + quoted(value)) +
                " is not possible: " + found->why);
  }
}

}  // namespace slipway
