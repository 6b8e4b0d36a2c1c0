// The end of containers: stopped, killed, removed.
#include "started.hpp"

#include <cache/containers/volumes.hpp>
#include <executor/containers/remove.hpp>

#include <signal.h>

using namespace slipway;

namespace {

// Says so by a file of its own layer, so that nobody signals it before it listens.
bool listens(StartedContainers& containers, const Container& container) {
  return becomes_true(
      [&] { return std::filesystem::exists(containers.where(container) / "upper/listens"); });
}

}  // namespace

TEST_CASE("signals have docker's names and numbers") {
  CHECK(signal_number("SIGTERM") == SIGTERM);
  CHECK(signal_number("term") == SIGTERM);
  CHECK(signal_number("Kill") == SIGKILL);
  CHECK(signal_number("15") == 15);
  CHECK(signal_number("64") == 64);
  CHECK(signal_number("SIGRTMIN") == SIGRTMIN);
  CHECK(signal_number("RTMIN+3") == SIGRTMIN + 3);
  CHECK(signal_number("SIGRTMAX-2") == SIGRTMAX - 2);
  CHECK(signal_number("IOT") == SIGABRT);
  CHECK(signal_number("CLD") == SIGCHLD);
  CHECK(signal_number("SIGIO") == SIGIO);
  CHECK(signal_number("POLL") == SIGIO);
  CHECK(signal_number("winch") == SIGWINCH);
  for (const char* text : {"", "0", "-1", "65", "99999999999", "TERMX", "SIG", "SIGSIGTERM",
                           "RTMIN+31", "RTMIN-1", "RTMAX+1", "RTMIN+", "RTMIN+x", "15 ", "1.5"}) {
    CAPTURE(text);
    CHECK(signal_number(text) == 0);
  }
}

TEST_CASE("a container that does not run is removed, with its own volumes if asked for") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  VolumeStore& volumes = containers.store.volumes();
  const auto mounts = [&](const std::string& anonymous) {
    ContainerConfig config;
    config.mounts = {{ContainerMount::Type::volume, anonymous, "/own", false, true, false, 0, 0},
                     {ContainerMount::Type::volume, "named", "/named", false, false, false, 0, 0}};
    return config;
  };
  volumes.create("named", {});
  const std::string own = volumes.create("", {}).name;
  const std::string shared = volumes.create("", {}).name;
  const Container first =
      containers.shell("mkdir -p /a/b; echo x > /a/b/c; echo y > /own/file", mounts(own));
  CHECK(containers.run(first).exit_code == 0);
  remove_container(containers.store, first, {});
  CHECK_FALSE(std::filesystem::exists(containers.where(first)));
  CHECK_FALSE(containers.store.containers().find(first.id));
  CHECK(std::filesystem::exists(volumes.directory(own) / "file"));

  RemoveOptions with_volumes;
  with_volumes.volumes = true;
  const Container second = containers.shell("true", mounts(own));
  remove_container(containers.store, second, with_volumes);
  CHECK_FALSE(volumes.find(own));
  CHECK(volumes.find("named"));
  // One that another container has stays.
  const Container third = containers.shell("true", mounts(shared));
  const Container fourth = containers.shell("true", mounts(shared));
  remove_container(containers.store, third, with_volumes);
  CHECK(volumes.find(shared));
  remove_container(containers.store, fourth, with_volumes);
  CHECK_FALSE(volumes.find(shared));
}

TEST_CASE("a container that runs is removed only by force") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("trap '' TERM; touch /listens; sleep 1000");
  containers.start(container);
  CHECK_THROWS_AS(remove_container(containers.store, container, {}), Error);
  CHECK(containers.state(container).alive());
  RemoveOptions force;
  force.force = true;
  remove_container(containers.store, container, force);
  CHECK_FALSE(containers.store.containers().find(container.id));
  CHECK_FALSE(std::filesystem::exists(containers.where(container)));
  CHECK_THROWS_AS(remove_container(containers.store, container, force), NoSuchContainer);
}

TEST_CASE("a container whose monitor was killed is removed without force") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("sleep 1000");
  containers.start(container);
  const ContainerState state = containers.state(container);
  REQUIRE(state.monitor.pid > 0);
  REQUIRE(::kill(static_cast<pid_t>(state.monitor.pid), SIGKILL) == 0);
  REQUIRE(becomes_true([&] { return !containers.state(container).alive(); }));
  remove_container(containers.store, container, {});
  CHECK_FALSE(containers.store.containers().find(container.id));
  CHECK(becomes_true([&] { return ::kill(static_cast<pid_t>(state.process.pid), 0) != 0; }));
}

TEST_CASE("who waits for a container that another removes hears of it") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("sleep 1000");
  MonitorConnection connection = containers.start(container);
  RemoveOptions force;
  force.force = true;
  remove_container(containers.store, container, force);
  CHECK(connection.wait() == 137);
}

TEST_CASE("stopping asks first, and kills who does not listen") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container polite =
      containers.shell("trap 'exit 3' TERM; touch /listens; while :; do sleep 0.05; done");
  containers.start(polite);
  REQUIRE(listens(containers, polite));
  CHECK(stop_container(containers.store, polite, SIGTERM, 60));
  CHECK(containers.state(polite).exit_code == 3);
  CHECK_FALSE(stop_container(containers.store, polite, SIGTERM, 60));

  const Container deaf =
      containers.shell("trap '' TERM; touch /listens; while :; do sleep 0.05; done");
  containers.start(deaf);
  REQUIRE(listens(containers, deaf));
  CHECK(stop_container(containers.store, deaf, SIGTERM, 0));
  CHECK(containers.state(deaf).exit_code == 137);
}

TEST_CASE("a container that stands still is stopped and removed all the same") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container =
      containers.shell("trap 'exit 3' TERM; touch /listens; while :; do sleep 0.05; done");
  containers.start(container);
  REQUIRE(listens(containers, container));
  {
    auto monitor = MonitorConnection::open(containers.where(container));
    REQUIRE(monitor);
    try {
      REQUIRE(monitor->pause());
    } catch (const Error& error) {
      MESSAGE("skipped: " << error.what());
      return;
    }
  }
  CHECK(containers.state(container).status == ContainerStatus::paused);
  CHECK_THROWS_AS(remove_container(containers.store, container, {}), Error);
  CHECK(stop_container(containers.store, container, SIGTERM, 60));
  CHECK(containers.state(container).exit_code == 3);

  containers.start(container);
  {
    auto monitor = MonitorConnection::open(containers.where(container));
    REQUIRE(monitor);
    REQUIRE(monitor->pause());
  }
  RemoveOptions force;
  force.force = true;
  remove_container(containers.store, container, force);
  CHECK_FALSE(std::filesystem::exists(containers.where(container)));
}
