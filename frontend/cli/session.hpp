// What the steps and fetches of a build may ask for while it runs, and no file of the context has:
// secrets and SSH agents.
#pragma once

#include "build_request.hpp"

#include <executor/solve/solve.hpp>
#include <executor/ssh/key_agent.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace slipway {

struct GivenSecrets {
  // The bytes of a secret by its id, read when they are first asked for; nothing if it was not
  // given. Any thread. Throws Error.
  std::function<std::optional<std::string>(const std::string&)> read;
  std::set<std::string> keyed;  // those with cache=keyed
};
// --secret. Throws Error where one cannot be had.
GivenSecrets given_secrets(const BuildRequest& request);

struct GivenAgents {
  std::map<std::string, std::filesystem::path> sockets;  // by id
  std::vector<std::unique_ptr<KeyAgent>> own;            // those that were started for keys
};
// --ssh. Throws Error where one cannot be had.
GivenAgents given_agents(const BuildRequest& request);

// One a build: what is read once, as standard input is, has to be the same for all who ask. Opened
// by a thread that outlives the build, because the agents live no longer than it.
struct Session {
  GivenSecrets secrets;
  GivenAgents agents;
};
Session open_session(const BuildRequest& request);

// The session outlives the solve.
void hand_over(const Session& session, SolveOptions& options);

}  // namespace slipway
