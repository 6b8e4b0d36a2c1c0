// Whoever is connected to a container: its input, its output, its terminal.
#include "started.hpp"

#include <executor/containers/monitor/protocol.hpp>

#include <fcntl.h>
#include <sys/socket.h>

using namespace slipway;
using Kind = MonitorConnection::Event::Kind;

namespace {

MonitorConnection connect(StartedContainers& containers, const Container& container) {
  auto connection = MonitorConnection::open(containers.where(container));
  REQUIRE(connection);
  return std::move(*connection);
}

// All of it, however long the program takes to read it; what arrives meanwhile is appended to
// `seen`.
void send_all(MonitorConnection& connection, std::string_view bytes, std::string* seen = nullptr) {
  while (!bytes.empty()) {
    const std::size_t taken = connection.send_input(bytes);
    bytes.remove_prefix(taken);
    if (taken > 0) continue;
    const MonitorConnection::Event event = connection.receive();
    if (event.kind == Kind::output && seen != nullptr) *seen += event.bytes;
    REQUIRE(event.kind != Kind::gone);
    REQUIRE(event.kind != Kind::exited);
  }
}

// Until the output has that in it.
std::string output_with(MonitorConnection& connection, const std::string& text) {
  std::string seen;
  while (seen.find(text) == std::string::npos) {
    const MonitorConnection::Event event = connection.receive();
    if (event.kind == Kind::exited || event.kind == Kind::gone) break;
    if (event.kind == Kind::output || event.kind == Kind::error) seen += event.bytes;
  }
  return seen;
}

ContainerConfig interactive() {
  ContainerConfig config;
  config.keeps_input = true;
  return config;
}

}  // namespace

TEST_CASE("without input the program's is at its end") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  CHECK(containers.run("cat; echo done; readlink /proc/self/fd/0").out == "done\n/dev/null\n");
}

TEST_CASE("input arrives as it was sent, however much, and ends") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("cat", interactive());
  MonitorConnection connection = containers.attach(container, true);
  std::string sent;
  for (int i = 0; i < 100'000; ++i) sent += std::to_string(i) + "\n";
  std::string seen;
  send_all(connection, sent, &seen);
  connection.end_input();
  seen += StartedContainers::rest_of(connection).out;
  CHECK(seen == sent);
}

TEST_CASE("input that ends with its client, when that goes") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("cat; echo done", interactive());
  {
    MonitorConnection connection = containers.attach(container, true);
    send_all(connection, "last words\n");
  }
  CHECK(becomes_true([&] { return !containers.state(container).alive(); }));
  CHECK(containers.log(container) == "last words\ndone\n");
}

TEST_CASE("input of a container that was started without a client stays open") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container =
      containers.shell("while read line; do echo got $line; done", interactive());
  MonitorConnection starter = containers.start(container);
  for (int i = 0; i < 2; ++i) {
    MonitorConnection client = connect(containers, container);
    CHECK(client.attach({true, true, true}));
    send_all(client, "line\n");
    CHECK(output_with(client, "got line\n") == "got line\n");
    client.end_input();
  }
  CHECK(containers.state(container).alive());
  starter.signal(SIGKILL);
  starter.wait();
}

TEST_CASE("input that nobody reads is bounded, and a signal passes it") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("sleep 1000", interactive());
  MonitorConnection connection = containers.attach(container, true);
  const std::string much(100'000, 'x');
  std::size_t taken = 0;
  // Until there has been no room for a while.
  const auto room = [&] {
    timeval most{1, 0};
    ::setsockopt(connection.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
    try {
      return connection.receive().kind == Kind::room;
    } catch (const Error&) {
      return false;
    }
  };
  do {
    taken += connection.send_input(much);
  } while (room());
  CHECK(taken < 200'000);
  CHECK(connection.send_input(much) == 0);
  // By the same connection, and by another one.
  MonitorConnection other = connect(containers, container);
  CHECK(other.signal(0));
  connection.signal(SIGKILL);
  CHECK(other.wait() == 137);
}

TEST_CASE("input that nobody reads goes with the program, and keeps no monitor") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const std::filesystem::path told = containers.folder.path() / "told";
  containers.options.hook_program = SLIPWAY_TOLD_HOOK;
  ContainerConfig config = interactive();
  config.auto_remove = true;
  const Container container = containers.shell("sleep 1000", config);
  {
    StartOptions options = containers.options;
    options.removes = true;
    options.attach = AttachedStreams{true, true, true};
    MonitorConnection remover = start_container(containers.store, container, options);
    timeval most{1, 0};
    ::setsockopt(remover.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
    const std::string much(4096, 'x');
    const auto room = [&] {
      try {
        return remover.receive().kind == Kind::room;
      } catch (const Error&) {
        return false;
      }
    };
    do {
      remover.send_input(much);
    } while (room());
  }
  MonitorConnection other = connect(containers, container);
  CHECK(other.signal(SIGKILL));
  CHECK(other.wait() == 137);
  CHECK(becomes_true(
      [&] { return content_of(told) == "container-hook end " + container.id + "\n"; }));
}

TEST_CASE("every client sees what is printed from its coming on") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container =
      containers.shell("echo early; read x; echo late; echo wrong >&2", interactive());
  MonitorConnection first = containers.attach(container, true);
  CHECK(output_with(first, "early\n") == "early\n");
  std::vector<MonitorConnection> others;
  for (int i = 0; i < 5; ++i) {
    others.push_back(connect(containers, container));
    CHECK(others.back().attach({false, i != 0, i != 1}));
  }
  send_all(first, "\n");
  CHECK(StartedContainers::rest_of(first).out == "late\n");
  for (std::size_t i = 0; i < others.size(); ++i) {
    const Seen seen = StartedContainers::rest_of(others[i]);
    CHECK(seen.out == (i == 0 ? "" : "late\n"));
    CHECK(seen.err == (i == 1 ? "" : "wrong\n"));
    CHECK(seen.exit_code == 0);
  }
}

TEST_CASE("a client that takes nothing holds the program back, and one that dies does not") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell(
      "i=0; while test $i -lt 40; do dd if=/dev/zero bs=100k count=1 2> /dev/null; "
      "i=$((i+1)); echo $i >> /done; done");
  const std::filesystem::path done = containers.where(container) / "upper/done";
  {
    MonitorConnection slow = containers.attach(container);
    // Four megabytes are more than lie in pipes and sockets.
    REQUIRE(becomes_true([&] { return !content_of(done).empty(); }));
    std::this_thread::sleep_for(100ms);
    CHECK(containers.state(container).alive());
    CHECK_FALSE(content_of(done).ends_with("40\n"));
  }
  CHECK(becomes_true([&] { return !containers.state(container).alive(); }));
  CHECK(content_of(done).ends_with("40\n"));
}

TEST_CASE("all of the output of a program that ends at once arrives, also behind a slow client") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("dd if=/dev/zero bs=60000 count=1 2> /dev/null");
  for (int i = 0; i < 5; ++i) {
    MonitorConnection connection = containers.attach(container);
    std::this_thread::sleep_for(10ms);
    const Seen seen = StartedContainers::rest_of(connection);
    CHECK(seen.out.size() == 60000);
    CHECK(seen.exit_code == 0);
  }
}

TEST_CASE("a client that takes nothing loses nothing, and keeps nobody from the container") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  // More than lies in pipes and sockets: what is in them at its end has to arrive.
  const Container container = containers.shell("seq 1 1000000 & sleep 0.5; exit 3");
  MonitorConnection slow = containers.attach(container);
  MonitorConnection other = connect(containers, container);
  CHECK(other.wait() == 3);
  CHECK_FALSE(containers.state(container).alive());
  CHECK(ContainerLock::attempt(containers.where(container)));
  const Seen seen = StartedContainers::rest_of(slow);
  CHECK(seen.exit_code == 3);
  std::string expected;
  for (int i = 1; expected.size() < seen.out.size(); ++i) expected += std::to_string(i) + "\n";
  CHECK(seen.out.size() > 65536);
  CHECK(expected.starts_with(seen.out));
  CHECK(containers.log(container) == seen.out);
}

TEST_CASE("a terminal of the container's own") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  containers.options.size = {33, 99};
  ContainerConfig config = interactive();
  config.terminal = true;
  // A signal ends its reading as well as the input's end.
  const Container container = containers.shell(
      "stty size; tty; echo err >&2; echo $TERM; test /dev/console -ef $(tty) && echo console; "
      "trap 'w=1; stty size' WINCH; echo ready; while true; do w=; "
      "if read x; then echo got $x; elif test -z \"$w\"; then exit; fi; done",
      config);
  MonitorConnection connection = containers.attach(container, true);
  CHECK(output_with(connection, "ready\r\n") ==
        "33 99\r\n/dev/pts/0\r\nerr\r\nxterm\r\nconsole\r\nready\r\n");
  connection.resize({44, 111});
  send_all(connection, "line\n");
  CHECK(output_with(connection, "got line\r\n").find("44 111\r\n") != std::string::npos);
  // A new client goes where the last one went from.
  { MonitorConnection gone = std::move(connection); }
  MonitorConnection again = connect(containers, container);
  CHECK(again.attach({true, true, true}));
  CHECK(again.resize({20, 60}));
  send_all(again, "more\n");
  CHECK(output_with(again, "got more\r\n").find("20 60") != std::string::npos);
  SUBCASE("Ctrl-D ends its input") {
    send_all(again, "\x04");
    CHECK(StartedContainers::rest_of(again).exit_code == 0);
  }
  SUBCASE("Ctrl-C is the program's") {
    const Container sleeping = containers.shell(
        "trap 'echo int; exit 5' INT; echo ready; "
        "while true; do sleep 0.01; done",
        config);
    MonitorConnection other = containers.attach(sleeping, true);
    output_with(other, "ready");
    send_all(other, "\x03");
    CHECK(StartedContainers::rest_of(other).exit_code == 5);
    again.signal(SIGKILL);
    again.wait();
  }
}

TEST_CASE("a terminal's last words are not lost") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  config.terminal = true;
  const Container container = containers.shell("seq 1 500", config);
  for (int i = 0; i < 10; ++i) CHECK(containers.run(container).out.ends_with("\r\n499\r\n500\r\n"));
}

TEST_CASE("clients that say anything, or too much") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const Container container = containers.shell("sleep 1000", interactive());
  MonitorConnection starter = containers.start(container);
  std::vector<MonitorConnection> silent;
  for (int i = 0; i < 100; ++i) {
    auto client = MonitorConnection::open(containers.where(container));
    if (!client) break;
    std::string packet(static_cast<std::size_t>(i * 97), static_cast<char>(i));
    ::send(client->descriptor(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (i % 2 == 0) silent.push_back(std::move(*client));
  }
  CHECK(starter.signal(0));
  CHECK_THROWS_AS(starter.signal(200), Error);
  silent.clear();
  MonitorConnection last = connect(containers, container);
  CHECK(last.signal(SIGKILL));
  CHECK(starter.wait() == 137);
}
