// A container from its start to its end.
#include "started.hpp"

#include <sys/stat.h>

using namespace slipway;

TEST_CASE("a program runs, prints, and ends with its status") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("echo out; echo err >&2; exit 7");
  const Seen seen = containers.run(container);
  CHECK(seen.out == "out\n");
  CHECK(seen.err == "err\n");
  CHECK(seen.exit_code == 7);
  const ContainerState state = containers.state(container);
  CHECK(state.status == ContainerStatus::exited);
  CHECK(state.exit_code == 7);
  CHECK(state.started > 0);
  CHECK(state.finished >= state.started);
  CHECK(state.process == ProcessId());
  CHECK(containers.log(container) == "out\nerr\n");
}

TEST_CASE("the state file of a running container is true") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("sleep 1000");
  MonitorConnection connection = containers.start(container);
  const ContainerState state = containers.state(container);
  CHECK(state.status == ContainerStatus::running);
  CHECK(state.monitor.pid > 0);
  CHECK(state.monitor.start > 0);
  CHECK(::kill(static_cast<pid_t>(state.process.pid), 0) == 0);
  // What parse_state() reads is all that the file says.
  CHECK(parse_state(content_of(containers.where(container) / "state")) == state);
  struct stat status {};
  REQUIRE(::stat((containers.where(container) / "control").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(connection.signal(SIGKILL));
  CHECK(connection.wait() == 137);
  CHECK(containers.state(container).status == ContainerStatus::exited);
  CHECK_FALSE(std::filesystem::exists(containers.where(container) / "control"));
}

TEST_CASE(
    "what the program changes is there when it is started again, and nothing of /work stays") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("cat /kept 2> /dev/null; echo again >> /kept");
  CHECK(containers.run(container).out.empty());
  CHECK(containers.run(container).out == "again\n");
  CHECK(containers.run(container).out == "again\nagain\n");
  CHECK(content_of(containers.where(container) / "upper/kept") == "again\nagain\nagain\n");
  CHECK(containers.log(container) == "again\nagain\nagain\n");
}

TEST_CASE("what cannot be started says so with docker's status, and the state keeps it") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  SUBCASE("no such program") {
    const Container container = containers.create({"missing"});
    CHECK(containers.refusal(container).first == 127);
    CHECK(containers.state(container).status == ContainerStatus::created);
    CHECK(containers.state(container).exit_code == 127);
    CHECK(containers.state(container).error.find("missing") != std::string::npos);
    CHECK(containers.refusal(container).first == 127);
  }
  SUBCASE("no such path") {
    CHECK(containers.refusal(containers.create({"/bin/missing"})).first == 127);
  }
  SUBCASE("no program") {
    CHECK(containers.refusal(containers.create({"/etc/no-program"})).first == 126);
    CHECK(containers.refusal(containers.create({"/etc"})).first == 126);
  }
  SUBCASE("no command") {
    CHECK(containers.refusal(containers.create({})).first == 125);
  }
  SUBCASE("no such user") {
    config.user = "nobody-here";
    CHECK(containers.refusal(containers.shell("true", config)).first == 125);
  }
  SUBCASE("no such group") {
    config.groups = {"no-group"};
    CHECK(containers.refusal(containers.shell("true", config)).first == 125);
  }
  SUBCASE("a working directory that is a file") {
    config.working_directory = "/etc/passwd";
    CHECK(containers.refusal(containers.shell("true", config)).first == 125);
  }
  SUBCASE("no such capability") {
    config.added_capabilities = {"NET_ADMNI"};
    CHECK(containers.refusal(containers.shell("true", config)).first == 125);
  }
  SUBCASE("a source that is not there") {
    config.mounts = {{.source = "/no/such/place", .target = "/x"}};
    CHECK(containers.refusal(containers.shell("true", config)).first == 125);
  }
}

TEST_CASE("a container that runs is not started again") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("sleep 1000");
  MonitorConnection connection = containers.start(container);
  CHECK_THROWS_WITH_AS(containers.start(container), doctest::Contains("runs already"), Error);
  CHECK(containers.state(container).status == ContainerStatus::running);
  connection.signal(SIGKILL);
  CHECK(connection.wait() == 137);
}

TEST_CASE("the program is the first process of its namespace, and treated as such by the kernel") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  SUBCASE("without --init") {
    if (rights.space.ids != Ids::own) CHECK(containers.run("echo $$").out == "1\n");
    const Container container =
        containers.shell("trap 'echo got' USR1; echo ready; while true; do sleep 0.01; done");
    MonitorConnection connection = containers.attach(container);
    REQUIRE(connection.receive().bytes == "ready\n");
    // A signal without a handler does nothing to PID 1. With one id that is init, which passes it
    // on.
    if (rights.space.ids != Ids::own) connection.signal(SIGTERM);
    connection.signal(SIGUSR1);
    CHECK(connection.receive().bytes == "got\n");
    connection.signal(SIGKILL);
    CHECK(connection.wait() == 137);
  }
  SUBCASE("with --init") {
    ContainerConfig config;
    config.init = true;
    CHECK(containers.run("echo $$", config).out == "2\n");
    const Container container = containers.create({"/bin/sleep", "1000"}, config);
    MonitorConnection connection = containers.start(container);
    connection.signal(SIGTERM);
    CHECK(connection.wait() == 128 + SIGTERM);
  }
}

TEST_CASE("environment, names, user and place are those that were asked for") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  SUBCASE("by default") {
    const Container container = containers.shell("env; hostname; pwd; cat /etc/hostname");
    const std::string name = container.id.substr(0, 12);
    const std::string out = containers.run(container).out;
    CHECK(out.find("HOSTNAME=" + name + "\n") != std::string::npos);
    CHECK(out.find("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n") !=
          std::string::npos);
    CHECK(out.find("HOME=/root\n") != std::string::npos);
    CHECK(out.ends_with("\n" + name + "\n/\n" + name + "\n"));
  }
  SUBCASE("as asked") {
    config.environment = {"A=b", "PATH=/bin"};
    config.hostname = "here";
    config.working_directory = "/new/place";
    const Seen seen = containers.run("echo $A $PATH $HOSTNAME; hostname; pwd", config);
    CHECK(seen.out == "b /bin here\nhere\n/new/place\n");
  }
  SUBCASE("in docker's order: what is asked for stands where that of everyone stood") {
    config.environment = {"A=b", "PATH=/bin"};
    const Container container = containers.create({"/bin/env"}, config);
    const std::string name = container.id.substr(0, 12);
    CHECK(containers.run(container).out == "PATH=/bin\nHOSTNAME=" + name + "\nA=b\nHOME=/root\n");
  }
  SUBCASE("entrypoint and command") {
    config.entrypoint = {"/bin/echo", "a"};
    CHECK(containers.run(containers.create({"b"}, config)).out == "a b\n");
  }
  SUBCASE("user") {
    config.user = "builder";
    config.groups = {"video", "5"};
    const Seen seen =
        containers.run("id; echo $HOME; echo x > /dev/stderr; echo y > /dev/stdout", config);
    CHECK(seen.out.find("uid=1000") != std::string::npos);
    CHECK(seen.out.find("/home/builder\ny\n") != std::string::npos);
    CHECK(seen.err == "x\n");
    if (rights.space.ids != Ids::own) {
      for (const char* group : {"(video)", "(audio)", "=5,"})
        CHECK_MESSAGE(seen.out.find(group) != std::string::npos, seen.out);
    }
  }
}

TEST_CASE("a container without layers runs what lies in its own") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  containers.layers = {};
  const Container container = containers.create({"/busybox", "echo", "alone"});
  std::filesystem::copy_file("/bin/busybox", containers.where(container) / "upper/busybox");
  CHECK(containers.run(container).out == "alone\n");
  CHECK(containers.run(container).out == "alone\n");
}

TEST_CASE("another container's network is shared as long as that runs") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container first = containers.shell("readlink /proc/self/ns/net; sleep 1000");
  MonitorConnection connection = containers.attach(first);
  const std::string space(connection.receive().bytes);
  ContainerConfig config;
  config.network = "container:" + first.name;
  const Container second = containers.shell("readlink /proc/self/ns/net", config);
  CHECK(containers.run(second).out == space);
  connection.signal(SIGKILL);
  connection.wait();
  CHECK(containers.refusal(second).first == 125);
}

TEST_CASE("the host's network is shared with its name") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  config.network = "host";
  std::string own(256, '\0');
  REQUIRE(::gethostname(own.data(), own.size()) == 0);
  own.resize(own.find('\0'));
  CHECK(containers.run("hostname; readlink /proc/self/ns/net", config).out ==
        own + "\n" + std::filesystem::read_symlink("/proc/self/ns/net").string() + "\n");
}
