// The flags of `slipway run` and `slipway create`, as what they ask for.
#include "../../../frontend/cli/containers/container_request.hpp"
#include "../../../frontend/cli/containers/detach_keys.hpp"
#include "../../../frontend/cli/short_flags.hpp"

#include <ir/error.hpp>

#include <doctest/doctest.h>
#include <CLI/CLI.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace slipway;

namespace {

CreateRequest ask(std::vector<std::string> words) {
  CLI::App app{"", "slipway run"};
  ContainerFlags flags;
  declare_container_flags(app, flags);
  take_equals_signs(app, words);
  app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  take_words(app, flags);
  return create_request(flags, "/home/me");
}

// The flags, before an image.
CreateRequest with(std::vector<std::string> flags) {
  flags.emplace_back("image");
  return ask(std::move(flags));
}

ContainerConfig config(std::vector<std::string> flags) {
  return with(std::move(flags)).container.config;
}

// What is said of them.
std::string refused(std::vector<std::string> flags) {
  try {
    with(std::move(flags));
  } catch (const Error& error) {
    const Diagnostic& said = error.diagnostics().front();
    return said.message + (said.hint.empty() ? "" : "\n" + said.hint);
  }
  return "nothing";
}

using Type = ContainerMount::Type;

ContainerMount mount_of(std::vector<std::string> flags) {
  return with(std::move(flags)).container.mounts.at(0).mount;
}

}  // namespace

TEST_CASE("behind the image every word is the program's") {
  const CreateRequest request =
      ask({"-it", "--rm", "-e", "A=1", "alpine", "sh", "-c", "ls", "--rm", "-e"});
  CHECK(request.image == "alpine");
  CHECK(request.container.config.command ==
        std::vector<std::string>{"sh", "-c", "ls", "--rm", "-e"});
  CHECK(request.container.config.terminal);
  CHECK(request.container.config.keeps_input);
  CHECK(request.container.config.auto_remove);
  CHECK(ask({"--", "alpine", "--", "x"}).container.config.command ==
        std::vector<std::string>{"--", "x"});
  CHECK_THROWS_WITH_AS(ask({"--rm"}), "slipway run needs an image", Error);
  CHECK(refused({"--nme", "x"}) == "slipway run has no flag \"--nme\"\ndid you mean \"--name\"?");
  CHECK(refused({"--nme=x"}) == "slipway run has no flag \"--nme=x\"\ndid you mean \"--name\"?");
}

TEST_CASE("an equals sign behind a letter is no part of its value") {
  const CreateRequest request = ask({"-e=A==1", "-e", "B=2", "-eC=3", "-it=false", "-u=7",
                                     "--label", "-e=x", "alpine", "env", "-e=D=4", "-it=false"});
  const ContainerConfig& config = request.container.config;
  CHECK(config.environment == std::vector<std::string>{"A==1", "B=2", "C=3"});
  CHECK(config.keeps_input);
  CHECK_FALSE(config.terminal);
  CHECK(config.user == "7");
  CHECK(config.labels.at("-e") == "x");
  CHECK(request.image == "alpine");
  CHECK(config.command == std::vector<std::string>{"env", "-e=D=4", "-it=false"});
  CHECK_FALSE(ask({"-i=false", "alpine"}).container.config.keeps_input);
  CHECK(ask({"alpine", "-e=x"}).container.config.command == std::vector<std::string>{"-e=x"});
  CHECK(ask({"--", "alpine", "-i=x"}).container.config.command == std::vector<std::string>{"-i=x"});
}

TEST_CASE("the container and its image") {
  const CreateRequest request =
      with({"--name", "web", "--pull", "always", "--platform", "linux/arm64", "-q", "--cidfile",
            "id", "-l", "a=1", "--label", "b"});
  CHECK(request.container.name == "web");
  CHECK(request.pull == PullPolicy::always);
  CHECK(request.platform->text() == "linux/arm64");
  CHECK(request.quiet);
  CHECK(request.cidfile == "id");
  CHECK(request.container.config.labels ==
        std::map<std::string, std::string>{{"a", "1"}, {"b", ""}});
  CHECK(with({}).pull == PullPolicy::missing);
  CHECK(with({"--pull=never"}).pull == PullPolicy::never);
  CHECK(refused({"--pull", "sometimes"}) ==
        "--pull \"sometimes\" is not known\nalways, missing or never");
  CHECK(refused({"--name", "-x"}).starts_with("\"-x\" cannot be a name"));
  CHECK(refused({"--label", "=x"}) == "--label \"=x\" has no key\nKEY=VALUE, or KEY");
  CHECK(config({"--log-driver", "none"}).no_logs);
  CHECK_FALSE(config({"--log-driver", "json-file"}).no_logs);
  CHECK(refused({"--log-driver", "syslog"}) ==
        "--log-driver \"syslog\" is not known\njson-file, local or none");
  CHECK(refused({"--restart", "no"}) == "nothing");
  CHECK(refused({"--restart", "always"})
            .starts_with("--restart \"always\" is not possible: slipway has no daemon to do it"));
  CHECK(refused({"--restart", "on-failure:3"}).find("no daemon") != std::string::npos);
  CHECK(refused({"--restart", "often"}) == "--restart \"often\" is no policy\nno");
}

TEST_CASE("the program") {
  const ContainerConfig c =
      config({"-w", "/src", "-u", "1000:100", "--group-add", "audio", "--group-add=5", "--init",
              "--stop-signal", "SIGQUIT", "--stop-timeout", "3", "--read-only", "--privileged"});
  CHECK(c.working_directory == "/src");
  CHECK(c.user == "1000:100");
  CHECK(c.groups == std::vector<std::string>{"audio", "5"});
  CHECK(c.init);
  CHECK(c.stop_signal == "SIGQUIT");
  CHECK(c.stop_timeout == 3);
  CHECK(c.read_only);
  CHECK(c.privileged);
  CHECK(config({"--stop-timeout", "-1"}).stop_timeout == -1);
  CHECK(refused({"-w", "src"}) ==
        "--workdir \"src\" is not absolute\na path in the container begins with /");
  CHECK(refused({"--stop-signal", "SIGNOTHING"}) ==
        "--stop-signal \"SIGNOTHING\" is no signal\nfor example SIGQUIT or 3");
  CHECK(refused({"--stop-timeout", "soon"}) == "--stop-timeout \"soon\" is no whole number");
  CHECK(refused({"--stop-timeout", "-5"}) ==
        "--stop-timeout \"-5\" is negative\n-1 waits for ever");

  CHECK_FALSE(with({}).container.entrypoint.has_value());
  CHECK(with({"--entrypoint", "ls"}).container.entrypoint == std::vector<std::string>{"ls"});
  CHECK(with({"--entrypoint", ""}).container.entrypoint == std::vector<std::string>());
}

TEST_CASE("streams are docker's") {
  const auto streams = [](std::vector<std::string> flags) {
    const ContainerConfig c = config(std::move(flags));
    return std::string(c.attach_input ? "i" : "") + (c.attach_output ? "o" : "") +
           (c.attach_error ? "e" : "");
  };
  CHECK(streams({}) == "oe");
  CHECK(streams({"-i"}) == "ioe");
  CHECK(streams({"-a", "stdout"}) == "o");
  CHECK(streams({"-a", "STDIN", "-a", "stderr"}) == "ie");
  CHECK(streams({"-i", "-a", "stdout"}) == "io");
  CHECK(refused({"-a", "stdlog"}) == "--attach \"stdlog\" is no stream\nstdin, stdout or stderr");
}

TEST_CASE("variables: the caller's value, files in docker's format, the flag wins") {
  ::setenv("SLIPWAY_HERE", "from here", 1);
  ::unsetenv("SLIPWAY_NOWHERE");
  CHECK(config({"-e", "A=1", "--env", "SLIPWAY_HERE", "-e", "SLIPWAY_NOWHERE", "-e", "B="})
            .environment ==
        std::vector<std::string>{"A=1", "SLIPWAY_HERE=from here", "SLIPWAY_NOWHERE", "B="});
  const auto file = std::filesystem::temp_directory_path() / "slipway-env-file";
  std::ofstream(file)
      << "\xef\xbb\xbf# a comment\n\n  A=one two \"three\" \nSLIPWAY_HERE\nSLIPWAY_NOWHERE\n"
         "C=x=y\r\n";
  CHECK(config({"-e", "A=1", "--env-file", file}).environment ==
        std::vector<std::string>{"A=one two \"three\" ", "SLIPWAY_HERE=from here", "C=x=y", "A=1"});
  std::ofstream(file) << "fine=1\nnot fine=1\n";
  CHECK(refused({"--env-file", file}) ==
        "--env-file \"" + file.string() + "\", line 2: the name \"not fine\" has a blank in it");
  std::ofstream(file) << "=1\n";
  CHECK(refused({"--env-file", file}).find("line 1: there is no name") != std::string::npos);
  std::ofstream(file) << "one=1\ntwo\n";
  CHECK(config({"--label-file", file, "-l", "one=2"}).labels ==
        std::map<std::string, std::string>{{"one", "2"}, {"two", ""}});
  std::filesystem::remove(file);
  CHECK(refused({"--env-file", file}).find("No such file") != std::string::npos);
  CHECK(refused({"-e", "=x"}) == "--env \"=x\" has no name\nNAME=VALUE, or NAME");
}

TEST_CASE("--volume is a path, a name, or nothing before the target") {
  const ContainerMount bind = mount_of({"-v", "/data/:/x/../y/:ro,z"});
  CHECK(bind.type == Type::bind);
  CHECK(bind.source == "/data");
  CHECK(bind.target == "/y");
  CHECK(bind.read_only);
  CHECK(with({"-v", "/data:/x"}).container.mounts.at(0).makes_source);
  CHECK(mount_of({"-v", "./sub:/x"}).source == "/home/me/sub");
  CHECK(mount_of({"-v", ".:/x"}).source == "/home/me");
  CHECK(mount_of({"-v", "../you:/x"}).source == "/home/you");
  const ContainerMount named = mount_of({"--volume", "data:/x:nocopy"});
  CHECK(named.type == Type::volume);
  CHECK(named.source == "data");
  CHECK(named.no_copy);
  CHECK_FALSE(named.read_only);
  const ContainerMount anonymous = mount_of({"-v", "/cache"});
  CHECK(anonymous.type == Type::volume);
  CHECK(anonymous.source.empty());
  CHECK(anonymous.target == "/cache");
  CHECK(mount_of({"-v", "/a:/b:rprivate,rw"}) == mount_of({"-v", "/a:/b"}));

  CHECK(refused({"-v", "a:b"}) ==
        "--volume \"a:b\" has the source \"a\", which is no name of a volume\n"
        "two or more letters, digits, '_', '.' and '-', the first a letter or a digit");
  CHECK(refused({"-v", "data:b"}) ==
        "--volume \"data:b\" has the target \"b\", which is not absolute\na path in the container "
        "begins with /");
  CHECK(refused({"-v", "src/x:/b"}).ends_with("a path begins with / or ./"));
  CHECK(refused({"-v", "/a:/"}) == "--volume \"/a:/\" has the target /, and that is the image");
  CHECK(refused({"-v", "/a:/b:ro:x"}).find("more than two colons") != std::string::npos);
  CHECK(refused({"-v", ":/b"}).find("has no source") != std::string::npos);
  CHECK(refused({"-v", "/a:/b:rq"}).find("has an option that is not known, \"rq\"") !=
        std::string::npos);
  CHECK(refused({"-v", "/a:/b:nocopy"}).find("is about volumes") != std::string::npos);
  CHECK(refused({"-v", "/a:/b:rshared"}).find("asks for rshared") != std::string::npos);
}

TEST_CASE("--mount in fields") {
  const ContainerMount bind = mount_of({"--mount", "type=bind,source=rel,target=/x,readonly"});
  CHECK(bind.type == Type::bind);
  CHECK(bind.source == "/home/me/rel");
  CHECK(bind.read_only);
  CHECK_FALSE(with({"--mount", "type=bind,src=/a,dst=/x"}).container.mounts.at(0).makes_source);
  CHECK_FALSE(mount_of({"--mount", "type=bind,src=/a,dst=/x,ro=false"}).read_only);
  CHECK(mount_of({"--mount", "type=bind,src=/a,dst=/x,bind-propagation=rprivate"}).source == "/a");

  const auto named = with({"--mount", "src=data,destination=/x,volume-nocopy,volume-label=a=b"});
  CHECK(named.container.mounts.at(0).mount.type == Type::volume);
  CHECK(named.container.mounts.at(0).mount.no_copy);
  CHECK(named.container.mounts.at(0).labels == std::map<std::string, std::string>{{"a", "b"}});
  CHECK(mount_of({"--mount", "target=/x"}).source.empty());

  const ContainerMount memory =
      mount_of({"--mount", "type=tmpfs,target=/x,tmpfs-size=1m,tmpfs-mode=700"});
  CHECK(memory.type == Type::tmpfs);
  CHECK(memory.size == 1 << 20);
  CHECK(memory.mode == 0700);
  CHECK(mount_of({"--mount", "type=tmpfs,target=/x"}).mode == 01777);
  CHECK(mount_of({"--mount", "type=bind,\"src=/a,b\",dst=/x"}).source == "/a,b");

  CHECK(refused({"--mount", "type=bind,target=/x"}).find("has no source") != std::string::npos);
  CHECK(refused({"--mount", "type=bind,source=/x"}).find("has no target") != std::string::npos);
  CHECK(refused({"--mount", "type=npipe,target=/x"}) ==
        "--mount \"type=npipe,target=/x\" has the type \"npipe\", which is not known\nbind, volume "
        "or "
        "tmpfs");
  CHECK(refused({"--mount", "type=tmpfs,src=/a,target=/x"}).find("have none") != std::string::npos);
  CHECK(refused({"--mount", "type=bind,src=/a,target=/x,tmpfs-size=1"}) ==
        "--mount \"type=bind,src=/a,target=/x,tmpfs-size=1\" has tmpfs-size, which is not for "
        "type=bind");
  CHECK(refused({"--mount", "target=/x,sauce=y"}).ends_with("did you mean \"source\"?"));
  CHECK(refused({"--mount", "target=/x,bare"}).find("is not NAME=VALUE") != std::string::npos);
  CHECK(refused({"--mount", "target=/x,readonly=perhaps"}).ends_with("true or false"));
  CHECK(refused({"--mount", "type=tmpfs,target=/x,tmpfs-mode=9"}).ends_with("for example 1777"));
  CHECK(refused({"--mount", "type=tmpfs,target=/x,tmpfs-size=big"}).find("which is none") !=
        std::string::npos);
  CHECK(refused({"--mount", "src=data,target=/x,volume-driver=nfs"}).find("has a driver") !=
        std::string::npos);
}

TEST_CASE("--tmpfs and --volumes-from") {
  const ContainerMount memory = mount_of({"--tmpfs", "/run:size=64m,mode=755,ro,noexec"});
  CHECK(memory.type == Type::tmpfs);
  CHECK(memory.size == 64 << 20);
  CHECK(memory.mode == 0755);
  CHECK(memory.read_only);
  CHECK_FALSE(memory.exec);
  CHECK(mount_of({"--tmpfs", "/run:exec,nosuid,nodev"}).exec);
  CHECK_FALSE(mount_of({"--tmpfs", "/run:exec,noexec"}).exec);
  CHECK(mount_of({"--tmpfs", "/run"}).size == 0);
  CHECK(refused({"--tmpfs", "run"}).find("which is not absolute") != std::string::npos);
  CHECK(refused({"--tmpfs", "/run:huge=always"}).find("not known, \"huge=always\"") !=
        std::string::npos);
  const auto from = with({"--volumes-from", "a", "--volumes-from", "b:ro"}).container.volumes_from;
  CHECK(from.at(0).container == "a");
  CHECK_FALSE(from.at(0).read_only.has_value());
  CHECK(from.at(1).read_only == true);
  CHECK(refused({"--volumes-from", "a:x"}).ends_with("ro or rw"));
  CHECK(refused({"--volumes-from", ""}).find("names no container") != std::string::npos);
}

TEST_CASE("the network") {
  CHECK(config({}).network == "default");
  CHECK(config({"--network", "bridge"}).network == "default");
  CHECK(config({"--net", "host"}).network == "host");
  CHECK(config({"--network=none"}).network == "none");
  CHECK(config({"--network", "container:db"}).network == "container:db");
  const ContainerConfig own = config({"--network", "mynet", "--network-alias", "db"});
  CHECK(own.network == "mynet");
  CHECK(own.network_aliases == std::vector<std::string>{"db"});
  CHECK(config({"--network", "name=mynet,alias=db,alias=sql"}).network_aliases ==
        std::vector<std::string>{"db", "sql"});
  CHECK(refused({"--network", "a1", "--network", "b1"}).starts_with("--network can be given once"));
  CHECK(refused({"--network", "hosts!"}).ends_with("did you mean \"host\"?"));
  CHECK(refused({"--network-alias", "db"}).find("this one is \"default\"") != std::string::npos);
  CHECK(refused({"--network", "mynet", "--network-alias", "a b"})
            .starts_with("--network-alias \"a b\" is no name"));
  CHECK(refused({"--network", "name=mynet,alias="}).starts_with("--network alias \"\" is no name"));
  CHECK(config({"--network", "mynet", "--ip", "10.89.0.10"}).address == "10.89.0.10");
  CHECK(config({"--network", "name=mynet,ip=10.89.0.10"}).address == "10.89.0.10");
  CHECK(refused({"--network", "mynet", "--ip", "bogus"})
            .starts_with("--ip \"bogus\" is no IPv4 address"));
  CHECK(refused({"--network", "mynet", "--ip", "fd00::1"}).find("no IPv4") != std::string::npos);
  CHECK(refused({"--network", "name=mynet,ip=10.89.0"})
            .starts_with("--network ip \"10.89.0\" is no IPv4 address"));
  CHECK(refused({"--network", "container:x", "-p", "80"})
            .starts_with("--publish cannot be given with --network container:x"));
  CHECK(
      refused({"--network", "container:x", "-h", "me"}).starts_with("--hostname cannot be given"));
  CHECK(refused({"--network", "container:"}).find("names no container") != std::string::npos);

  const ContainerConfig names =
      config({"-h", "me", "--domainname", "example", "--add-host", "db:10.0.0.1",
              "--add-host=six=[::1]", "--add-host", "here:host-gateway", "--dns", "192.0.2.53",
              "--dns-search", "example", "--dns-option", "ndots:1", "--dns-opt", "rotate"});
  CHECK(names.hostname == "me");
  CHECK(names.domainname == "example");
  CHECK(names.extra_hosts == std::vector<std::pair<std::string, std::string>>{
                                 {"db", "10.0.0.1"}, {"six", "::1"}, {"here", "host-gateway"}});
  CHECK(names.dns == std::vector<std::string>{"192.0.2.53"});
  CHECK(names.dns_search == std::vector<std::string>{"example"});
  CHECK(names.dns_options == std::vector<std::string>{"ndots:1", "rotate"});
  CHECK(refused({"--dns", "resolver"}).starts_with("--dns \"resolver\" is no address"));
  CHECK(refused({"--add-host", "db"}) == "--add-host \"db\" is not NAME:ADDRESS");
  CHECK(refused({"--add-host", "db:1.2"}).starts_with("--add-host \"1.2\" is no address"));
  CHECK(refused({"-h", std::string(65, 'a')}).find("is longer than 64 bytes") != std::string::npos);
}

TEST_CASE("ports, in every form that docker takes") {
  const auto published = [](const std::string& text) {
    std::string all;
    for (const PortMapping& port : config({"-p", text}).ports)
      all += (all.empty() ? "" : " ") + port.host_address + "|" + std::to_string(port.host_port) +
             ">" + std::to_string(port.port) + "/" + port.protocol;
    return all;
  };
  CHECK(published("80") == "|0>80/tcp");
  CHECK(published("8080:80") == "|8080>80/tcp");
  CHECK(published("127.0.0.1:8080:80") == "127.0.0.1|8080>80/tcp");
  CHECK(published("127.0.0.1::80/udp") == "127.0.0.1|0>80/udp");
  CHECK(published("[::1]:8080:80/TCP") == "::1|8080>80/tcp");
  CHECK(published("::1:8080:80") == "::1|8080>80/tcp");
  CHECK(published("8000-8001:90-91") == "|8000>90/tcp |8001>91/tcp");
  CHECK(published("90-91") == "|0>90/tcp |0>91/tcp");
  CHECK(published("0:80") == "|0>80/tcp");
  CHECK(config({"-p", "80:80", "-p", "80:80"}).ports.size() == 1);
  CHECK(config({"-P"}).publish_all);
  CHECK(config({"--expose", "80", "--expose", "7-8/udp"}).exposed_ports ==
        std::set<std::string>{"7/udp", "8/udp", "80/tcp"});

  CHECK(refused({"-p", "eighty"}).starts_with("--publish \"eighty\" has \"eighty\" for a port"));
  CHECK(refused({"-p", "70000:80"}).find("has \"70000\" for a port") != std::string::npos);
  CHECK(refused({"-p", "80:"}).find("has \"\" for a port") != std::string::npos);
  CHECK(refused({"-p", "80:0"}).find("has \"0\" for a port") != std::string::npos);
  CHECK(refused({"-p", "9-8:80"}).find("has \"9-8\" for a port") != std::string::npos);
  CHECK(refused({"-p", "8000-8003:80-81"}).find("has ranges of 4 and 2 ports") !=
        std::string::npos);
  CHECK(refused({"-p", "host:80:80"}).find("has \"host\", which is no address") !=
        std::string::npos);
  CHECK(refused({"-p", "80/icmp"}).ends_with("tcp or udp"));
  CHECK(refused({"-p", "[::1]80"}).find("is no port") != std::string::npos);
  CHECK(refused({"--expose", "80:80"}).find("has \"80:80\" for a port") != std::string::npos);
}

TEST_CASE("rights") {
  const ContainerConfig c =
      config({"--cap-add", "net_admin", "--cap-add", "CAP_SYS_PTRACE", "--cap-drop", "all",
              "--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined",
              "--security-opt", "systempaths=unconfined", "--security-opt", "apparmor=unconfined",
              "--security-opt", "label=disable", "--device", "vendor.com/net=one"});
  CHECK(c.added_capabilities == std::vector<std::string>{"NET_ADMIN", "SYS_PTRACE"});
  CHECK(c.dropped_capabilities == std::vector<std::string>{"ALL"});
  CHECK(c.no_new_privileges);
  CHECK(c.no_filter);
  CHECK(c.no_masks);
  CHECK(c.devices == std::vector<std::string>{"vendor.com/net=one"});
  CHECK_FALSE(config({"--security-opt", "no-new-privileges:false"}).no_new_privileges);
  CHECK(config({"--security-opt", "no-new-privileges=true"}).no_new_privileges);
  CHECK_FALSE(config({"--security-opt", "seccomp=builtin"}).no_filter);
  CHECK(refused({"--cap-add", "NET_ADMIM"}).ends_with("did you mean \"NET_ADMIN\"?"));
  CHECK(refused({"--security-opt", "seccomp=/etc/profile.json"})
            .find("names a profile, and slipway has docker's built in") != std::string::npos);
  CHECK(refused({"--security-opt", "apparmor=docker-default"}).find("names a profile") !=
        std::string::npos);
  CHECK(refused({"--security-opt", "label=type:x"}).find("names a label") != std::string::npos);
  CHECK(refused({"--security-opt", "no-new-privileges=maybe"}).find("neither true nor false") !=
        std::string::npos);
  CHECK(refused({"--security-opt", "secomp=unconfined"}).ends_with("did you mean \"seccomp\"?"));
  CHECK(refused({"--device", "/dev/kvm"}).starts_with("--device \"/dev/kvm\" is no CDI name"));
}

TEST_CASE("limits are those of builds") {
  const ContainerConfig c = config({"-m",
                                    "64m",
                                    "--memory-swap",
                                    "-1",
                                    "--cpus",
                                    "0.5",
                                    "-c",
                                    "512",
                                    "--cpuset-cpus",
                                    "0",
                                    "--cpuset-mems",
                                    "0",
                                    "--pids-limit",
                                    "50",
                                    "--ulimit",
                                    "nofile=10:20",
                                    "--shm-size",
                                    "1m",
                                    "--cgroup-parent",
                                    "/x"});
  CHECK(c.limits.memory == 64 << 20);
  CHECK(c.limits.memory_swap == -1);
  CHECK(c.limits.cpu_quota == 50'000);
  CHECK(c.limits.cpu_shares == 512);
  CHECK(c.limits.cpuset_cpus == "0");
  CHECK(c.limits.cpuset_mems == "0");
  CHECK(c.limits.pids == 50);
  CHECK(c.limits.cgroup_parent == "/x");
  CHECK(c.ulimits == std::vector<std::string>{"nofile=10:20"});
  CHECK(c.shm_size == 1 << 20);
  CHECK(config({"--cpu-period", "50000", "--cpu-quota", "1000"}).limits.cpu_quota == 1000);
  CHECK(refused({"-m", "1m"}) == "--memory \"1m\" is too little for a process\n6m is the least");
  CHECK(refused({"--resource", "memory=1g"}).starts_with("slipway run has no flag \"--resource\""));
}

TEST_CASE("health") {
  const auto health = config({"--health-cmd", "curl localhost", "--health-interval", "10s",
                              "--health-timeout", "1m", "--health-retries", "5",
                              "--health-start-period", "2m", "--health-start-interval", "1s"})
                          .healthcheck;
  REQUIRE(health);
  CHECK(health->test == std::vector<std::string>{"CMD-SHELL", "curl localhost"});
  CHECK(health->interval == 10'000'000'000);
  CHECK(health->timeout == 60'000'000'000);
  CHECK(health->retries == 5);
  CHECK(health->start_period == 120'000'000'000);
  CHECK(health->start_interval == 1'000'000'000);
  CHECK_FALSE(config({}).healthcheck.has_value());
  CHECK(config({"--no-healthcheck"}).healthcheck->test == std::vector<std::string>{"NONE"});
  CHECK(refused({"--no-healthcheck", "--health-retries", "2"}) ==
        "--no-healthcheck cannot be given with the other --health flags");
  CHECK(refused({"--health-interval", "often"})
            .starts_with("--health-interval \"often\" is no time"));
  CHECK(refused({"--health-timeout", "-5s"}) == "--health-timeout \"-5s\" is negative");
  CHECK(refused({"--health-interval", "1us"}).find("less than a millisecond") != std::string::npos);
  CHECK(refused({"--health-retries", "-1"}) == "--health-retries \"-1\" is negative");
}

TEST_CASE("docker's other flags say why not, and are taken where they ask for what is so") {
  CHECK(refused({"--pid", "host"}) ==
        "--pid \"host\" is not possible: a container has its processes to itself");
  for (const char* flag : {"--ipc", "--uts", "--userns", "--cgroupns", "--runtime", "--sysctl",
                           "--gpus", "--link", "--mac-address", "--memory-reservation", "--log-opt",
                           "--storage-opt", "--blkio-weight", "--device-cgroup-rule"}) {
    CAPTURE(flag);
    CHECK(refused({flag, "host"}).find(" is not possible: ") != std::string::npos);
    CHECK(refused({flag, ""}) == "nothing");
  }
  CHECK(refused({"--oom-kill-disable"}).starts_with("--oom-kill-disable is not possible: "));
  CHECK(refused({"--ipc", "private", "--isolation", "default", "--memory-swappiness", "-1",
                 "--disable-content-trust"}) == "nothing");
}

TEST_CASE("keys that leave a terminal") {
  CHECK(parse_detach_keys("") == "\x10\x11");
  CHECK(parse_detach_keys("ctrl-a,d") ==
        "\x01"
        "d");
  CHECK(parse_detach_keys("ctrl-@,ctrl-[,ctrl-_") == std::string("\x00\x1b\x1f", 3));
  for (const char* text : {"ctrl-", "ctrl-1", "ab", ",", "ctrl-p,", "alt-x"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_detach_keys(text), Error);
  }

  DetachKeys keys("\x10\x11");
  CHECK(keys.pass("ls\n") == "ls\n");
  CHECK(keys.pass("a\x10").substr(0) == "a");  // the rest may come
  CHECK(keys.pass("b") ==
        "\x10"
        "b");
  CHECK(keys.pass("\x10\x10") == "\x10");
  CHECK_FALSE(keys.complete());
  CHECK(keys.pass("\x11never") == "");
  CHECK(keys.complete());
  DetachKeys repeated("aab");
  CHECK(repeated.pass("aaab") == "a");
  CHECK(repeated.complete());
  DetachKeys none("");
  CHECK(none.pass("\x10\x11") == "\x10\x11");
  CHECK_FALSE(none.complete());
}
