// slipway commit: an image of what a container has become.
#include "../command.hpp"
#include "../config_changes.hpp"
#include "../given_name.hpp"
#include "../owned_store.hpp"
#include "../print.hpp"
#include "../table.hpp"

#include <cache/store.hpp>
#include <executor/containers/commit.hpp>
#include <executor/containers/join.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string container;
  std::string name;
  std::string author;
  std::string message;
  std::vector<std::string> changes;
  bool pause = true;
};

int commit(const Request& request, const std::filesystem::path& root) {
  std::optional<Reference> name;
  if (!request.name.empty()) name = given_name(request.name);
  const std::string created = time_text(creation_time());
  enter_containers_user_namespace(root, request.container);
  OwnedStore owned(root);
  Store& store = owned.store;
  const Container container = store.containers().get(request.container);
  const Image image =
      commit_container(store, container,
                       {.config = changed_config(config_of(store, container), request.changes),
                        .author = request.author,
                        .message = request.message,
                        .created = created,
                        .pause = request.pause});
  if (name) store.images().tag(*name, image.id);
  print(image.id.text() + "\n");
  return 0;
}

}  // namespace

std::function<int()> declare_commit(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Makes an image from a container: its image's layers, and upon them one of all that it has\n"
      "changed. What is mounted in it stays out. Prints the new image's ID.");
  app.add_option("container", request->container, "a name, an ID or the beginning of one")
      ->required()
      ->type_name("CONTAINER");
  app.add_option("name", request->name, "a name for the image")->type_name("REPOSITORY[:TAG]");
  app.add_option("-a,--author", request->author, "who made it, \"Ada <ada@example.org>\"")
      ->type_name("TEXT");
  app.add_option("-c,--change", request->changes, "an instruction for the image's config")
      ->type_name("INSTRUCTION")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("-m,--message", request->message, "what the image's history says")
      ->type_name("TEXT");
  app.add_flag("-p,--pause,!--no-pause", request->pause,
               "let the container stand still meanwhile (default: true)");
  app.footer(R"(
Examples:
  slipway commit -a "Ada" -m "with curl" box team/box:curl
  slipway commit -c 'CMD ["serve"]' -c "EXPOSE 80" box team/box
)");
  return [request, &globals] { return commit(*request, globals.root); };
}

}  // namespace slipway
