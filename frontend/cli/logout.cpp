// slipway logout: forgets what `login` kept.
#include "command.hpp"
#include "print.hpp"
#include "registry_server.hpp"

#include <cache/registry/credentials.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace slipway {
namespace {

int log_out(const std::string& server) {
  const std::string domain = registry_domain(server);
  print("Removing login credentials for " + printable(server.empty() ? hub_server : domain) + "\n");
  // docker does not mind that there were none, either.
  (void)erase_credentials(domain);
  return 0;
}

}  // namespace

std::function<int()> declare_logout(CLI::App& app, const Globals&) {
  auto server = std::make_shared<std::string>();
  app.description(
      "Forgets the user name and password that `login` kept for a registry; without a server the "
      "Docker Hub's.");
  app.add_option("server", *server, "HOST[:PORT] of the registry")->type_name("SERVER");
  app.footer(R"(
Examples:
  slipway logout
  slipway logout registry.example:5000
)");
  return [server] { return log_out(*server); };
}

}  // namespace slipway
