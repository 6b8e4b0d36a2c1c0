// slipway port: where a container's ports are published, as `docker port` prints it.
#include "../command.hpp"
#include "../print.hpp"
#include "listed.hpp"

#include <cache/store.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace slipway {
namespace {

std::string host_text(const ListedPort& port) {
  const bool colons = port.address.find(':') != port.address.npos;
  return (colons ? "[" + port.address + "]" : port.address) + ":" +
         std::to_string(port.public_port);
}

int show(const std::string& name, const std::string& wanted, const std::filesystem::path& root) {
  Store store(root);
  const ListedContainer listed = listed_container(store, store.containers().get(name));
  const std::string only =
      wanted.empty() || wanted.find('/') != wanted.npos ? wanted : wanted + "/tcp";
  std::string text;
  for (const ListedPort& port : listed_ports(listed)) {
    if (port.address.empty()) continue;
    const std::string called = std::to_string(port.port) + "/" + port.protocol;
    if (only.empty()) {
      text += called + " -> " + host_text(port) + "\n";
    } else if (called == only) {
      text += host_text(port) + "\n";
    }
  }
  if (text.empty() && !only.empty())
    throw Error("the container " + quoted(name) + " has not published its port " + quoted(only))
        .hint("`slipway ps` shows what is published of those that run");
  print(text);
  return 0;
}

}  // namespace

std::function<int()> declare_port(CLI::App& app, const Globals& globals) {
  struct Request {
    std::string container;
    std::string port;
  };
  auto request = std::make_shared<Request>();
  app.description("Shows where the ports of a container that runs are published.");
  app.add_option("container", request->container, "its name, its ID or the beginning of that")
      ->required()
      ->type_name("CONTAINER");
  app.add_option("port", request->port, "only this one of the container's; tcp if nothing is said")
      ->type_name("PORT[/PROTOCOL]");
  app.footer(R"(
Examples:
  slipway port web           80/tcp -> 0.0.0.0:8080
  slipway port web 80        0.0.0.0:8080
)");
  return [request, &globals] { return show(request->container, request->port, globals.root); };
}

}  // namespace slipway
