#include "registry_server.hpp"

#include <ir/error.hpp>
#include <ir/reference.hpp>

namespace slipway {

std::string registry_domain(std::string_view server) {
  // It would be told in messages, and a password may stand there.
  if (server.find('@') != server.npos)
    throw Error("the server's address has a user in it").hint("--username NAME");
  std::string_view host = server;
  if (const std::size_t scheme = host.find("://"); scheme != host.npos)
    host.remove_prefix(scheme + 3);
  host = host.substr(0, host.find('/'));
  if (server.empty() || host == "docker.io" || host == "index.docker.io" ||
      host == "registry-1.docker.io")
    return "docker.io";
  if (host.empty())
    throw Error(quoted(server) + " names no registry").hint("a registry is HOST[:PORT]");
  const std::string name(host);
  // A name without a dot or port is a host here, and would be a part of a repository's name there.
  const bool plain = name.find_first_of(".:") == name.npos && name != "localhost";
  (void)parse_reference((plain ? name + ":443" : name) + "/name");
  return name;
}

}  // namespace slipway
