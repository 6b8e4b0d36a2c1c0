// An SSH agent for one step: what the step may ask of it, and nothing else.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/process_runner.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway {

// A new stream socket with the name `name` in the directory `directory`, at which somebody may wait
// for connections already. Throws Error.
FileDescriptor listen_at(int directory, const char* name);

// A socket in a step, and whom it is meant to lead to.
struct AgentSocket {
  FileDescriptor listener;
  std::filesystem::path agent;
};

// Serves a listening socket until it is destroyed, which ends every connection. Each has a
// connection of its own to the agent.
class AgentForward {
 public:
  AgentForward(FileDescriptor listener, std::filesystem::path agent);
  AgentForward(const AgentForward&) = delete;
  ~AgentForward();

 private:
  struct Connection {
    FileDescriptor step;
    FileDescriptor agent;
    bool ended = false;
    std::thread thread;
  };

  void accept_all();
  void serve(Connection& connection);

  const FileDescriptor listener_;
  const std::filesystem::path agent_;
  // Guards what follows: the accepting thread makes connections, each one's own thread ends it, and
  // who destroys this ends them all.
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::list<Connection> connections_;
  std::thread acceptor_;  // last: it uses all of the above
};

// The same function, before whose call all of these agents answer, and no more from it on.
std::function<void(RunResult)> with_agents(std::vector<AgentSocket> sockets,
                                           std::function<void(RunResult)> finished);

}  // namespace slipway
