// --ssh: which agents a build may use.
#include "session.hpp"

#include <ir/error.hpp>
#include <ir/remote_source.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr const char* form = "--ssh default, --ssh ID=SOCKET or --ssh ID=KEY[,KEY]";

bool is_socket(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw system_error("stat", path, errno).hint(form);
  return S_ISSOCK(status.st_mode);
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    parts.emplace_back(text.substr(start, comma - start));
    start = comma + 1;
  }
  return parts;
}

std::string agent_of_environment() {
  const char* socket = std::getenv("SSH_AUTH_SOCK");
  return socket == nullptr ? "" : socket;
}

void add_agent(GivenAgents& agents, const std::string& id, std::vector<std::string> paths) {
  if (agents.sockets.contains(id)) throw Error("--ssh gives " + quoted(id) + " twice");
  if (paths.size() == 1 && paths.front().empty()) {
    paths.front() = agent_of_environment();
    if (paths.front().empty()) {
      throw Error("--ssh " + id + " is the agent at SSH_AUTH_SOCK, which is not set")
          .hint("start an agent (eval $(ssh-agent); ssh-add), or give a key: --ssh " + id + "=KEY");
    }
  }
  std::vector<fs::path> keys;
  for (const std::string& path : paths) {
    if (!is_socket(path)) {
      keys.emplace_back(path);
    } else if (paths.size() > 1) {
      throw Error("--ssh " + id + ": a socket stands alone; " + quoted(path) + " is one").hint(form);
    }
  }
  if (keys.empty()) {
    // Where it is seen from the directory that everything is relative to.
    agents.sockets[id] = fs::absolute(paths.front());
  } else {
    agents.own.push_back(std::make_unique<KeyAgent>(keys));
    agents.sockets[id] = agents.own.back()->socket();
  }
}

// As buildx: who fetches the context with the agent has the steps use it, too.
bool is_fetched_by_ssh(const std::string& context) {
  const auto source = parse_git_source(context);
  return source && !source->remote.starts_with("http") && !source->remote.starts_with("git://");
}

}  // namespace

GivenAgents given_agents(const BuildRequest& request) {
  GivenAgents agents;
  for (const std::string& text : request.ssh) {
    if (text.empty()) continue;
    const auto equals = text.find('=');
    std::string id = text.substr(0, equals);
    if (id.empty()) id = "default";
    add_agent(agents, id, split(equals == std::string::npos ? "" : text.substr(equals + 1)));
  }
  if (agents.sockets.empty() && is_fetched_by_ssh(request.context) &&
      !agent_of_environment().empty()) {
    add_agent(agents, "default", {""});
  }
  return agents;
}

}  // namespace slipway
