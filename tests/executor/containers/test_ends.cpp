// However a container ends, nothing of it is left, and what is said of it is true.
#include "started.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

// Of all of this machine whose command line has the text.
int processes_with(const std::string& text) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (content_of(entry.path() / "cmdline").find(text) != std::string::npos) ++count;
  }
  return count;
}

std::size_t open_descriptors() {
  const fs::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::uint64_t kilobytes(std::int64_t process, const std::string& word) {
  const std::string text = content_of("/proc/" + std::to_string(process) + "/smaps_rollup");
  const std::size_t at = text.find("\n" + word + ":");
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + word.size() + 2));
}

}  // namespace

TEST_CASE("a monitor that is killed takes its container with it, and start works again") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  SUBCASE("the program as PID 1") {}
  SUBCASE("the program as another user") {
    config.user = "1000";
  }
  SUBCASE("with init") {
    config.init = true;
  }
  SUBCASE("with a terminal") {
    config.terminal = true;
  }
  const Container container = containers.shell(
      "cat /tmp/mark 2> /dev/null; echo was here >> /tmp/mark; sleep 1000 & sleep 1000", config);
  {
    MonitorConnection connection = containers.start(container);
    REQUIRE(
        becomes_true([&] { return fs::exists(containers.where(container) / "upper/tmp/mark"); }));
    const ContainerState state = containers.state(container);
    ::kill(static_cast<pid_t>(state.monitor.pid), SIGKILL);
    CHECK_FALSE(connection.wait());
    // Its file still says that it runs.
    CHECK(parse_state(content_of(containers.where(container) / "state")).alive());
    CHECK(becomes_true([&] { return !containers.state(container).alive(); }));
    CHECK(containers.state(container).exit_code == 137);
    CHECK(becomes_true([&] {
      return ::kill(static_cast<pid_t>(state.process.pid), 0) != 0 ||
             content_of("/proc/" + std::to_string(state.process.pid) + "/stat").find(") Z") !=
                 std::string::npos;
    }));
    CHECK_FALSE(MonitorConnection::open(containers.where(container)));
  }
  MonitorConnection again = containers.attach(container);
  CHECK(std::string(again.receive().bytes).starts_with("was here"));
  again.signal(SIGKILL);
  CHECK(StartedContainers::rest_of(again).exit_code == 137);
}

TEST_CASE("a monitor keeps nothing that its starter had open") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("sleep 1000");
  int ends[2];
  REQUIRE(::pipe(ends) == 0);  // not closed by an exec
  MonitorConnection connection = containers.start(container);
  ::close(ends[1]);
  pollfd waiting{ends[0], POLLIN, 0};
  CHECK(::poll(&waiting, 1, 10'000) == 1);
  ::close(ends[0]);
  connection.signal(SIGKILL);
  CHECK(connection.wait() == 137);
}

TEST_CASE("of two starters at once one starts the container") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("sleep 1000");
  std::atomic<int> started{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      try {
        containers.start(container);
        ++started;
      } catch (const Error&) {
        ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(started == 1);
  CHECK(refused == 3);
  auto connection = MonitorConnection::open(containers.where(container));
  REQUIRE(connection);
  connection->signal(SIGKILL);
  CHECK(connection->wait() == 137);
}

TEST_CASE(
    "a program that has become another user itself is gone where its container is told as ended") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  // By that it loses what the kernel would send it when its monitor dies.
  const Container container =
      containers.shell("exec /bin/busybox su builder -c 'echo changed; exec sleep 1000'");
  ContainerState before;
  {
    MonitorConnection connection = containers.attach(container);
    REQUIRE(connection.receive().bytes == "changed\n");
    before = containers.state(container);
    REQUIRE(before.alive());
    ::kill(static_cast<pid_t>(before.monitor.pid), SIGKILL);
    CHECK_FALSE(connection.wait());
  }
  CHECK(becomes_true([&] { return !containers.state(container).alive(); }));
  const std::string stat = content_of("/proc/" + std::to_string(before.process.pid) + "/stat");
  CHECK((stat.empty() || stat.find(") Z") != std::string::npos ||
         stat.find(") X") != std::string::npos));
  CHECK(containers.state(container).exit_code == 137);
  MonitorConnection again = containers.attach(container);
  CHECK(again.receive().bytes == "changed\n");
  again.signal(SIGKILL);
  CHECK(StartedContainers::rest_of(again).exit_code == 137);
}

TEST_CASE("fifty containers at once, of which nothing is left") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const std::size_t descriptors = open_descriptors();
  const std::string mounts = content_of("/proc/self/mountinfo");
  std::vector<Container> all;
  {
    std::vector<MonitorConnection> connections;
    for (int i = 0; i < 50; ++i) {
      all.push_back(containers.shell("echo $HOSTNAME; sleep 1000 & sleep 1000"));
      connections.push_back(containers.start(all.back()));
    }
    for (const Container& container : all) {
      CHECK(containers.state(container).alive());
      CHECK(becomes_true(
          [&] { return containers.log(container) == container.id.substr(0, 12) + "\n"; }));
    }
    for (MonitorConnection& connection : connections) CHECK(connection.signal(SIGKILL));
    for (MonitorConnection& connection : connections) CHECK(connection.wait() == 137);
  }
  CHECK(open_descriptors() == descriptors);
  CHECK(content_of("/proc/self/mountinfo") == mounts);
  for (const Container& container : all)
    CHECK(becomes_true([&] { return processes_with(container.id.substr(0, 12)) == 0; }));
}

TEST_CASE("the monitor of an idle container is small, whatever it has gone through") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  config.keeps_input = true;
  const Container container =
      containers.shell("yes 0123456789 | head -c 1000000; sleep 1000", config);
  MonitorConnection connection = containers.attach(container);
  std::size_t seen = 0;
  while (seen < 1'000'000) seen += connection.receive().bytes.size();
  const std::int64_t monitor = containers.state(container).monitor.pid;
  const std::uint64_t resident = kilobytes(monitor, "Rss");
  MESSAGE("monitor: Rss " << resident << " kB, Pss " << kilobytes(monitor, "Pss") << " kB");
  CHECK(resident > 0);
  CHECK(resident < 512);
  connection.signal(SIGKILL);
  CHECK(connection.wait() == 137);
}

TEST_CASE("a container that stands still, and goes on") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  SUBCASE("") {}
  SUBCASE("with init") {
    config.init = true;
  }
  const Container container = containers.shell(
      "while true; do echo >> /a; usleep 1000; done & while true; do echo >> /b; usleep 1000; done",
      config);
  MonitorConnection connection = containers.start(container);
  const auto size = [&](const char* name) {
    std::error_code none;
    const auto bytes = fs::file_size(containers.where(container) / "upper" / name, none);
    return none ? 0 : bytes;
  };
  REQUIRE(becomes_true([&] { return size("a") > 0 && size("b") > 0; }));
  CHECK(connection.pause());
  CHECK(containers.state(container).status == ContainerStatus::paused);
  std::this_thread::sleep_for(50ms);
  const auto a = size("a");
  const auto b = size("b");
  std::this_thread::sleep_for(100ms);
  CHECK(size("a") == a);
  CHECK(size("b") == b);
  CHECK_THROWS_AS(connection.pause(), Error);
  CHECK(connection.unpause());
  CHECK(containers.state(container).status == ContainerStatus::running);
  CHECK(becomes_true([&] { return size("a") > a && size("b") > b; }));
  CHECK(connection.pause());
  CHECK(connection.signal(SIGKILL));
  CHECK(connection.wait() == 137);
}

TEST_CASE("a container that stops whoever comes in does not stop its monitor") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container =
      containers.shell("echo > /ready; (while true; do kill -STOP -1; done) & sleep 1000");
  MonitorConnection connection = containers.start(container);
  REQUIRE(becomes_true([&] { return fs::exists(containers.where(container) / "upper/ready"); }));
  // Each is done, or is not and says so.
  const auto answered = [](auto&& ask) {
    try {
      return ask();
    } catch (const Error&) {
      return true;
    }
  };
  for (int i = 0; i < 5; ++i) {
    CHECK(answered([&] { return connection.pause(); }));
    CHECK(answered([&] { return connection.unpause(); }));
  }
  CHECK(connection.signal(SIGKILL));
  CHECK(connection.wait() == 137);
}

TEST_CASE("processes that tried to get away are gone with the first one") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container =
      containers.shell("setsid sh -c 'trap \"\" TERM HUP; sleep 1234567' & sleep 0.1");
  CHECK(containers.run(container).exit_code == 0);
  CHECK(becomes_true([] { return processes_with("1234567") == 0; }));
}

TEST_CASE("the monitor has a container removed that nobody else removes") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const fs::path told = containers.folder.path() / "told";
  containers.options.hook_program = SLIPWAY_TOLD_HOOK;
  ContainerConfig config;
  config.auto_remove = true;
  const Container container = containers.shell("true", config);
  const std::string said = "container-hook end " + container.id + "\n";
  SUBCASE("because nobody said so") {
    containers.start(container);
    CHECK(becomes_true([&] { return content_of(told) == said; }));
  }
  SUBCASE("because who said so is gone") {
    {
      StartOptions options = containers.options;
      options.removes = true;
      options.attach = AttachedStreams{};
      MonitorConnection connection = start_container(containers.store, container, options);
      CHECK(connection.wait() == 0);
      CHECK_FALSE(fs::exists(told));
    }
    CHECK(becomes_true([&] { return content_of(told) == said; }));
  }
  SUBCASE("but not one that is gone") {
    {
      StartOptions options = containers.options;
      options.removes = true;
      options.attach = AttachedStreams{};
      MonitorConnection connection = start_container(containers.store, container, options);
      CHECK(connection.wait() == 0);
      const auto lock = ContainerLock::attempt(containers.where(container));
      REQUIRE(lock);
      containers.store.containers().remove(container.id, *lock);
    }
    CHECK(becomes_true(
        [&] { return processes_with("slipway-monitor\0" + container.id.substr(0, 12)) == 0; }));
    CHECK_FALSE(fs::exists(told));
  }
}

TEST_CASE("of those who say that they remove a container the last one does") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const fs::path told = containers.folder.path() / "told";
  containers.options.hook_program = SLIPWAY_TOLD_HOOK;
  ContainerConfig config;
  config.auto_remove = true;
  const Container container = containers.shell("sleep 1000", config);
  const auto end_of = [](MonitorConnection& connection) {
    for (;;) {
      const MonitorConnection::Event event = connection.receive();
      using Kind = MonitorConnection::Event::Kind;
      if (event.kind == Kind::exited || event.kind == Kind::gone) return event;
    }
  };
  std::optional<MonitorConnection> other;
  {
    StartOptions options = containers.options;
    options.removes = true;
    options.attach = AttachedStreams{};
    MonitorConnection first = start_container(containers.store, container, options);
    other = MonitorConnection::open(containers.where(container));
    REQUIRE(other);
    other->will_remove();
    CHECK(other->signal(SIGKILL));
    const MonitorConnection::Event heard = end_of(first);
    CHECK(heard.exit_code == 137);
    CHECK_FALSE(heard.removes);
  }
  CHECK(end_of(*other).removes);
  CHECK_FALSE(fs::exists(told));
  other.reset();
  CHECK(becomes_true(
      [&] { return content_of(told) == "container-hook end " + container.id + "\n"; }));
}

TEST_CASE("health is asked for at its interval, and not of one that stands still") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const fs::path told = containers.folder.path() / "told";
  containers.options.hook_program = SLIPWAY_TOLD_HOOK;
  ContainerConfig config;
  config.healthcheck = HealthcheckConfig{.test = {"CMD", "true"}, .interval = 20'000'000};
  const Container container = containers.shell("sleep 1000", config);
  const std::string line = "container-hook health " + container.id + "\n";
  MonitorConnection connection = containers.start(container);
  CHECK(becomes_true([&] { return content_of(told).starts_with(line + line + line); }));
  CHECK(connection.pause());
  std::this_thread::sleep_for(100ms);
  const std::string before = content_of(told);
  std::this_thread::sleep_for(100ms);
  CHECK(content_of(told) == before);
  CHECK(connection.unpause());
  CHECK(becomes_true([&] { return content_of(told) != before; }));
  connection.signal(SIGKILL);
  CHECK(connection.wait() == 137);
}

TEST_CASE("a log is read from its start, from near its end, and while it grows") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell(
      "for i in $(seq 1 100); do echo $i; done; printf part; sleep 0.05; echo ed; "
      "printf last");
  const auto all = [](LogReader& reader) {
    std::string text;
    while (const auto entry = reader.next()) {
      text += entry->bytes;
      if (entry->ends_line) text += '\n';
    }
    return text;
  };
  LogReader following(containers.where(container));
  CHECK_FALSE(following.next());
  following.wait_for_more(0ms);
  MonitorConnection connection = containers.start(container);
  std::string grown;
  while (containers.state(container).alive()) {
    following.wait_for_more(100ms);
    grown += all(following);
  }
  grown += all(following);
  std::string expected;
  for (int i = 1; i <= 100; ++i) expected += std::to_string(i) + "\n";
  CHECK(grown == expected + "parted\nlast");
  LogReader reader(containers.where(container));
  reader.keep_last(3);
  CHECK(all(reader) == "100\nparted\nlast");
  LogReader none(containers.where(container));
  none.keep_last(0);
  CHECK(all(none).empty());
  LogReader first(containers.where(container));
  const auto entry = first.next();
  REQUIRE(entry);
  CHECK(entry->bytes == "1");
  CHECK(entry->time >= containers.state(container).started - 1'000'000'000);
  CHECK(entry->time <= containers.state(container).finished);
  ContainerConfig config;
  config.no_logs = true;
  const Container silent = containers.shell("echo unheard", config);
  CHECK(containers.run(silent).out == "unheard\n");
  CHECK_FALSE(fs::exists(containers.where(silent) / "log"));
}

TEST_CASE("a container's processes find nothing of who started it") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  std::vector<int> leaks;
  for (int i = 0; i < 20; ++i) leaks.push_back(::open("/", O_RDONLY | O_DIRECTORY));
  ::setenv("SLIPWAY_TEST_LEAK", "leaked", 1);
  ContainerConfig config;
  SUBCASE("") {}
  SUBCASE("with init") {
    config.init = true;
  }
  config.keeps_input = true;
  const Container container = containers.shell(
      "ls /proc/self/fd | sort -n | tr '\\n' ' '; ls /proc/1/fd 2> /dev/null | sort -n | tr '\\n' "
      "' '; "
      "cat /proc/1/environ /proc/self/environ 2> /dev/null; cat /proc/1/maps 2> /dev/null; ps; "
      "for d in / /proc/1/root/.. /proc/self/cwd/..; do ls $d; done; cat /proc/self/mountinfo",
      config);
  const Seen seen = containers.run(container);
  for (const int leak : leaks) ::close(leak);
  ::unsetenv("SLIPWAY_TEST_LEAK");
  CHECK(seen.out.find("leaked") == std::string::npos);
  // 0, 1, 2 and what ls itself has opened; those of PID 1 as far as it shows them.
  CHECK(seen.out.starts_with("0 1 2 3 "));
  CHECK(seen.out.find("SLIPWAY_ROOT") == std::string::npos);
  CHECK(seen.out.find(" 20 ") == std::string::npos);
  for (const char* other : {"/upper", "state.new", "slipway.db"})
    CHECK(seen.out.find(other) == std::string::npos);
}
