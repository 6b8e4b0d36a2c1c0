// slipway tag: another name for an image.
#include "command.hpp"

#include <cache/store.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace slipway {
namespace {

struct Request {
  std::string image;
  std::string name;
};

int tag(const Request& request, const std::filesystem::path& root) {
  const Reference name = parse_reference(request.name);
  if (name.digest)
    throw Error(quoted(request.name) + " has a digest: that is not for choosing")
        .hint("give NAME[:TAG]");
  Store store(root);
  store.images().tag(name, store.images().resolve(request.image));
  return 0;
}

}  // namespace

std::function<int()> declare_tag(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Gives an image another name. A name that belonged to another image moves.");
  app.add_option("image", request->image, "a name, an ID or the beginning of one")
      ->required()
      ->type_name("IMAGE");
  app.add_option("name", request->name, "the new name")->required()->type_name("NAME[:TAG]");
  app.footer(R"(
Examples:
  slipway tag app registry.example/team/app:1.2
  slipway tag 3f2a9c1d app:previous
)");
  return [request, &globals] { return tag(*request, globals.root); };
}

}  // namespace slipway
