// slipway image prune: removes images that nobody can name, or nobody uses.
#include "ask.hpp"
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "removed_text.hpp"
#include "rows.hpp"
#include "table.hpp"

#include <cache/containers/store.hpp>
#include <cache/images/facts.hpp>
#include <cache/images/removal.hpp>
#include <cache/room/room.hpp>

#include <CLI/CLI.hpp>

#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  bool all = false;
  bool force = false;
  std::vector<std::string> filters;
};

int prune(const Request& request, const std::filesystem::path& root) {
  OwnedStore owned(root, false);
  Store& store = owned.store;
  // A filter that is wrong is told before anything is asked.
  const ImageFilter filter(request.filters, {"until", "label", "label!"}, store.images(),
                           std::time(nullptr));
  if (!request.force &&
      !confirmed(request.all
                     ? "This will remove all images without at least one container associated to "
                       "them."
                     : "This will remove all dangling images."))
    return 0;
  const RemovedImages removed = prune_images(store.images(), store.image_facts(), filter,
                                             request.all, users_among(store.containers()));
  std::string text;
  if (!removed.untagged.empty() || !removed.deleted.empty()) text = "Deleted Images:\n";
  for (const Reference& name : removed.untagged) text += "untagged: " + name.familiar() + "\n";
  for (const Digest& id : removed.deleted) text += "deleted: " + id.text() + "\n";
  if (!text.empty()) text += "\n";
  print(text);
  // What only the images had. What steps may give again is cache from now on, and room for it is
  // made as for all of it.
  PruneRule rule;
  rule.text = "image prune";
  const std::vector<RoomItem> items = store.room().prune(rule, false, measuring_lines());
  print("Total reclaimed space: " + sum_text(sum_of(items)) + "\n");
  return 0;
}

}  // namespace

std::function<int()> declare_image_prune(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Removes images without a name, and with --all every one that no container uses. Their "
      "layers "
      "go where nothing else has them; those that steps of builds gave stay with the cache "
      "(slipway "
      "prune).");
  app.add_flag("-a,--all", request->all, "every image that is not used, also those with a name");
  add_filter_flag(app, request->filters, "until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]",
                  false);
  app.add_flag("-f,--force", request->force, "do not ask");
  app.footer(R"(
Examples:
  slipway image prune
  slipway image prune --all --force --filter until=240h
  slipway image prune --all --filter label!=keep
)");
  return [request, &globals] { return prune(*request, globals.root); };
}

}  // namespace slipway
