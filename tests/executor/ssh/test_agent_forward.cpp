// What of an SSH agent a step can reach.
#include "agent_talk.hpp"

#include <executor/ssh/agent_forward.hpp>

#include <cache/temporary_folder.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>

#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <vector>

using namespace slipway;

namespace {

// A step's socket in front of a fake agent.
struct Forwarded {
  TemporaryFolder folder;
  FakeAgent agent{folder / "agent"};
  std::unique_ptr<AgentForward> forward;

  Forwarded() {
    const FileDescriptor directory(::open(folder.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    forward = std::make_unique<AgentForward>(listen_at(directory.get(), "step"), folder / "agent");
  }
  std::filesystem::path step() const { return folder / "step"; }
};

const std::string failure = "\x05";
const std::string list = "\x0b";
const std::string sign = std::string("\x0d") + "key and data";

}  // namespace

TEST_CASE("a step may list keys and have something signed, again and again") {
  Forwarded forwarded;
  AgentClient client(forwarded.step());
  CHECK(client.ask(list) == "\x0ctwo keys");
  CHECK(client.ask(sign) == "\x0esigned");
  CHECK(client.ask(list) == "\x0ctwo keys");
  CHECK(forwarded.agent.asked() == std::vector<std::string>{list, sign, list});
  CHECK(AgentClient(forwarded.step()).ask(sign) == "\x0esigned");
}

TEST_CASE("whatever else a step asks is refused and never reaches the agent") {
  Forwarded forwarded;
  AgentClient client(forwarded.step());
  for (int type = 0; type < 256; ++type) {
    if (type == 11 || type == 13) continue;
    CAPTURE(type);
    CHECK(client.ask(std::string(1, static_cast<char>(type)) + "argument") == failure);
  }
  CHECK(forwarded.agent.asked().empty());
  CHECK(client.ask(list) == "\x0ctwo keys");
}

TEST_CASE("a message of no length or of too much ends the connection, not the agent") {
  Forwarded forwarded;
  CHECK_FALSE(AgentClient(forwarded.step()).send(std::string(4, '\0')));
  CHECK_FALSE(AgentClient(forwarded.step()).send(std::string("\x00\x04\x00\x01", 4) + list));
  CHECK_FALSE(AgentClient(forwarded.step()).send("\xff\xff\xff\xff" + list));
  CHECK(forwarded.agent.asked().empty());
  // The largest that is allowed passes.
  const std::string largest = "\x0d" + std::string((256 << 10) - 1, 'x');
  CHECK(AgentClient(forwarded.step()).ask(largest) == "\x0esigned");
}

TEST_CASE("an answer that is none to the question does not get into the step") {
  Forwarded forwarded;
  forwarded.agent.answer = [](const std::string&) { return std::string("\x0c") + "keys"; };
  AgentClient client(forwarded.step());
  CHECK(client.ask(sign) == failure);
  CHECK(client.ask(list) == "\x0ckeys");
  forwarded.agent.answer = [](const std::string&) { return std::string(300 << 10, '\x0c'); };
  CHECK_FALSE(AgentClient(forwarded.step()).ask(list));
}

TEST_CASE("very many connections wait for each other, and each is served") {
  Forwarded forwarded;
  std::list<AgentClient> clients;
  for (int i = 0; i < 100; ++i) CHECK(clients.emplace_back(forwarded.step()).connected);
  while (!clients.empty()) {
    CHECK(clients.front().ask(list) == "\x0ctwo keys");
    clients.pop_front();
  }
}

TEST_CASE("with the end of the step every connection ends, also one that waits for the agent") {
  Forwarded forwarded;
  AgentClient idle(forwarded.step());
  AgentClient busy(forwarded.step());
  CHECK(busy.ask(list) == "\x0ctwo keys");
  forwarded.forward.reset();
  CHECK_FALSE(idle.ask(list));
  CHECK_FALSE(busy.ask(list));
  CHECK_FALSE(AgentClient(forwarded.step()).connected);
}

TEST_CASE("an agent that is not there any more ends a connection and nothing else") {
  TemporaryFolder folder;
  const FileDescriptor directory(::open(folder.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  AgentForward forward(listen_at(directory.get(), "step"), folder / "nobody");
  CHECK_FALSE(AgentClient(folder / "step").ask(list));
  FakeAgent agent(folder / "nobody");
  CHECK(AgentClient(folder / "step").ask(list) == "\x0ctwo keys");
}
