#include "session.hpp"

namespace slipway {

Session open_session(const BuildRequest& request) {
  return {given_secrets(request), given_agents(request)};
}

void hand_over(const Session& session, SolveOptions& options) {
  options.secret = session.secrets.read;
  options.keyed_secrets = session.secrets.keyed;
  options.ssh_agents = session.agents.sockets;
}

}  // namespace slipway
