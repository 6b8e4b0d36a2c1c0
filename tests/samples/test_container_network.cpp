// Networks of containers, as a person uses them: the way out, ports, names, and what is left.
#include "workshop.hpp"

#include "loopback.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

bool soon(const std::function<bool()>& holds) {
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > late) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

std::string line_of(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// Processes whose command line has both.
std::vector<pid_t> processes(const std::string& name, const std::string& word) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string number = entry.path().filename();
    if (number.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    const std::string line(std::istreambuf_iterator<char>(file), {});
    if (line.starts_with(name) && line.find(word) != std::string::npos) {
      found.push_back(static_cast<pid_t>(std::stoi(number)));
    }
  }
  return found;
}

// A store in which every container has ended when the test has.
struct Yard : Workshop {
  ~Yard() {
    const std::string running = slipway({"ps", "-q"}).out;
    std::istringstream ids(running);
    for (std::string id; ids >> id;) slipway({"kill", id});
    std::istringstream again(running);
    for (std::string id; again >> id;) slipway({"wait", id});
  }

  std::string output(const Words& words) const {
    const Finished finished = slipway(words);
    INFO(finished.err);
    CHECK(finished.status == 0);
    return line_of(finished.out);
  }
  // A container that waits, with more flags.
  std::string start(const std::string& name, Words flags,
                    const std::string& command = "sleep 1000") {
    Words words{"run", "-d", "--name", name};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {"busybox", "sh", "-c", command});
    return output(words);
  }
  std::string in(const std::string& name, const std::string& command) const {
    return line_of(slipway({"exec", name, "sh", "-c", command}).out);
  }
  // Unlike all others on this machine.
  std::string network(const std::string& word) const {
    return word + folder().filename().string().substr(0, 40);
  }
};

// Says its name to whoever connects, at port 80.
std::string server(const std::string& name) {
  return "while true; do echo " + name + " | nc -l -p 80 > /dev/null; done";
}
std::string ask(const std::string& host, const std::string& port = "80") {
  return "nc -w 5 " + host + " " + port + " < /dev/null 2>&1";
}

#define NEEDS(program)                                        \
  if (run({"sh", "-c", "command -v " program}).status != 0) { \
    MESSAGE("skipped: " program " is not installed");         \
    return;                                                   \
  }                                                           \
  static_assert(true)

}  // namespace

TEST_CASE("containers of a network reach each other by name, alias and ID, whoever started them") {
  SKIP_UNLESS_ROOT();
  NEEDS("slirp4netns");
  Yard yard;
  const std::string back = yard.network("back");
  CHECK(yard.output({"network", "create", back}).size() == 64);
  const std::string web =
      yard.start("web", {"--network", back, "--network-alias", "www"}, server("hello"));
  yard.start("db", {"--network", back});
  CHECK(soon([&] { return yard.in("db", ask("web")) == "hello"; }));
  CHECK(soon([&] { return yard.in("db", ask("www")) == "hello"; }));
  CHECK(soon([&] { return yard.in("db", ask(web.substr(0, 12))) == "hello"; }));

  // One in another network does not.
  const std::string front = yard.network("front");
  yard.output({"network", "create", front});
  yard.start("other", {"--network", front});
  CHECK(yard.in("other", ask("web")) != "hello");

  const auto inspected = nlohmann::json::parse(yard.output({"network", "inspect", back}));
  REQUIRE(inspected.size() == 1);
  CHECK(inspected[0].at("Containers").size() == 2);
  CHECK(inspected[0].at("Containers").at(web).at("Name") == "web");
  CHECK(yard.slipway({"network", "rm", back}).err.find("has active endpoints") !=
        std::string::npos);

  // Taken in and out while it runs.
  yard.output({"network", "connect", back, "other"});
  const std::string address = inspected[0].at("Containers").at(web).at("IPv4Address");
  CHECK(
      soon([&] { return yard.in("other", ask(address.substr(0, address.find('/')))) == "hello"; }));
  yard.output({"network", "disconnect", back, "other"});
  CHECK(yard.in("other", "ls /sys/class/net").find("eth1") == std::string::npos);

  // Its name goes with it.
  yard.output({"kill", "web"});
  yard.output({"wait", "web"});
  CHECK(soon([&] {
    return nlohmann::json::parse(yard.output({"network", "inspect", back}))[0]
               .at("Containers")
               .size() == 1;
  }));
  CHECK(yard.in("db", ask("web")) != "hello");
  for (const std::string name : {"db", "other"}) {
    yard.output({"kill", name});
    yard.output({"wait", name});
  }
  // Nothing of the networks is left.
  CHECK(soon([&] { return processes("slipway-network", back).empty(); }));
  CHECK(yard.output({"network", "rm", back, front}) == back + "\n" + front);
  CHECK(fs::is_empty(yard.root() / "networks"));
}

TEST_CASE("a container has an address that was asked for, and no other container gets it") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string back = yard.network("fixed");
  yard.output({"network", "create", "--internal", "--subnet", "10.123.45.0/24", back});
  yard.start("one", {"--network", back, "--ip", "10.123.45.77"});
  CHECK(yard.in("one", "ip address show eth0").find("10.123.45.77/24") != std::string::npos);
  const Finished second =
      yard.slipway({"run", "--rm", "--network", back, "--ip", "10.123.45.77", "busybox", "true"});
  CHECK(second.status == 125);
  CHECK(second.err.find("Address already in use") != std::string::npos);
  // Internal: there is no way out, and nobody is asked for one.
  CHECK(yard.in("one", "ip route").find("default") == std::string::npos);
}

TEST_CASE("published ports lead into a container, in its own network and in a shared one") {
  SKIP_UNLESS_ROOT();
  NEEDS("slirp4netns");
  Yard yard;
  const std::string back = yard.network("ports");
  yard.output({"network", "create", back});
  for (const std::string& network : {std::string("default"), back}) {
    CAPTURE(network);
    const std::string name = network == back ? "shared" : "own";
    yard.start(name, {"--network", network, "-p", "127.0.0.1::80"}, server(name));
    const std::string published = yard.output({"port", name, "80"});
    CAPTURE(published);
    REQUIRE(published.starts_with("127.0.0.1:"));
    const std::string port = published.substr(published.find(':') + 1);
    CHECK(soon([&] {
      return line_of(run({"sh", "-c", "busybox " + ask("127.0.0.1", port)}).out) == name;
    }));
    // The port is taken as long as it runs.
    const Finished taken =
        yard.slipway({"run", "--rm", "-p", "127.0.0.1:" + port + ":80", "busybox", "true"});
    CHECK(taken.status == 125);
    CHECK(taken.err.find("port is already allocated") != std::string::npos);
    yard.output({"kill", name});
    yard.output({"wait", name});
    CHECK(soon([&] { return !accepts(static_cast<std::uint16_t>(std::stoi(port))); }));
  }
}

TEST_CASE("the default network leads out when a container first sends something, and not before") {
  SKIP_UNLESS_ROOT();
  NEEDS("slirp4netns");
  Yard yard;
  yard.start("one", {});
  CHECK(yard.in("one", "ls /sys/class/net") == "idle0\nlo");
  yard.in("one", "nc -w 1 192.0.2.77 9 < /dev/null");
  CHECK(soon([&] { return yard.in("one", "ls /sys/class/net") == "idle0\nlo\ntap0"; }));
}

TEST_CASE("a container whose monitor is killed is in its network no more") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string back = yard.network("killed");
  yard.output({"network", "create", "--internal", back});
  yard.start("one", {"--network", back});
  yard.start("two", {"--network", back});
  const std::string id = yard.output({"inspect", "--format", "{{.Id}}", "one"});
  std::ifstream state(yard.root() / "containers" / id / "state");
  pid_t monitor = 0;
  for (std::string word; state >> word;) {
    if (word == "monitor") state >> monitor;
  }
  REQUIRE(monitor > 0);
  ::kill(monitor, SIGKILL);
  CHECK(soon([&] {
    const auto inspected = nlohmann::json::parse(yard.output({"network", "inspect", back}));
    return inspected[0].at("Containers").size() == 1;
  }));
  yard.output({"start", "one"});
  CHECK(soon([&] { return yard.in("two", "ping -c 1 one > /dev/null && echo ok") == "ok"; }));

  // The process of the network is killed: who starts next has a new one.
  const auto process = processes("slipway-network", back);
  REQUIRE(process.size() == 1);
  std::string shown;  // by ps and top
  std::getline(std::ifstream(fs::path("/proc") / std::to_string(process[0]) / "comm"), shown);
  CHECK(shown == "slipway-network");
  ::kill(process[0], SIGKILL);
  CHECK(yard.output({"run", "--rm", "--network", back, "busybox", "echo", "ok"}) == "ok");
}

TEST_CASE("networks are listed, found by parts of their IDs, and removed when nobody uses them") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  CHECK(yard.output({"network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}"}) ==
        "bridge bridge local\nhost host local\nnone null local");
  const std::string id = yard.output({"network", "create", "--label", "team=a", "back"});
  CHECK(yard.output({"network", "ls", "-q", "--no-trunc", "--filter", "label=team=a"}) == id);
  CHECK(yard.output({"network", "ls", "-q", "--filter", "type=custom"}) == id.substr(0, 12));
  CHECK(yard.output({"network", "inspect", "-f", "{{.Name}} {{.Internal}}", id.substr(0, 8)}) ==
        "back false");
  CHECK(yard.slipway({"network", "create", "back"}).status == 1);
  CHECK(yard.slipway({"network", "create", "host"}).status == 1);
  CHECK(yard.slipway({"network", "create", "--subnet", "10.0.0.1/24", "odd"}).status == 1);
  CHECK(yard.slipway({"network", "rm", "bridge"}).status == 1);
  CHECK(yard.slipway({"network", "rm", "nowhere"}).status == 1);
  CHECK(yard.output({"network", "rm", "-f", "nowhere"}).empty());
  CHECK(yard.slipway({"run", "--network", "nowhere", "busybox", "true"}).status == 125);
  // Used by one that does not run: it would not start any more.
  yard.output({"create", "--name", "one", "--network", "back", "busybox", "true"});
  CHECK(yard.output({"network", "prune", "-f"}).empty());
  yard.output({"rm", "one"});
  CHECK(yard.output({"network", "prune", "-f"}) == "Deleted Networks:\nback");
}
