// slipway cache mounts: the directories of RUN --mount=type=cache.
#include "cache.hpp"
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "removed_text.hpp"
#include "table.hpp"

#include <cache/room/room.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

struct Request {
  std::vector<std::string> words;  // "rm" and what to remove
  bool all = false;
  std::string format;
};

std::vector<RoomItem> mounts_of(Room& room) {
  std::vector<RoomItem> mounts;
  for (RoomItem& item : room.items(0, measuring_lines()))
    if (item.kind == RoomItem::Kind::cache_mount) mounts.push_back(std::move(item));
  return mounts;
}

void list(Room& room, bool json) {
  const std::int64_t now = std::time(nullptr);
  std::vector<std::vector<std::string>> rows = {
      {"ID", "SIZE", "LAST USED", "CREATED", "IN USE", "NAME"}};
  std::string text;
  for (const RoomItem& mount : mounts_of(room)) {
    const bool in_use = room.in_use(mount);
    if (!json) {
      rows.push_back({mount.id.substr(0, 12), size_text(mount.bytes),
                      age_text(mount.last_used, now), age_text(mount.created, now),
                      in_use ? "yes" : "no", printable(mount.what)});
      continue;
    }
    Json line;
    line["ID"] = mount.id;
    line["Name"] = mount.what;
    line["Size"] = mount.bytes;
    line["LastUsedAt"] = time_text(mount.last_used);
    line["CreatedAt"] = time_text(mount.created);
    line["InUse"] = in_use;
    text += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  print(json ? text : table(rows));
}

// By its name, or the beginning of its ID. Throws Error: none, or several.
const RoomItem& find(const std::vector<RoomItem>& mounts, const std::string& text) {
  const RoomItem* found = nullptr;
  std::vector<std::string> names;
  for (const RoomItem& mount : mounts) {
    if (mount.what == text) return mount;
    names.push_back(mount.what);
    if (!mount.id.starts_with(text)) continue;
    if (found != nullptr)
      throw Error(quoted(text) + " begins the IDs of several cache mounts")
          .hint("give more digits");
    found = &mount;
  }
  if (found == nullptr)
    throw Error("there is no cache mount " + quoted(text))
        .hint(did_you_mean(text, names, "`slipway cache mounts` lists them"));
  return *found;
}

int remove(Room& room, const Request& request) {
  PruneRule rule;
  rule.kinds = {RoomItem::Kind::cache_mount};
  rule.text = "cache mounts rm";
  const std::vector<RoomItem> mounts = mounts_of(room);
  for (std::size_t i = 1; i < request.words.size(); ++i)
    rule.ids.push_back(find(mounts, request.words[i]).id);
  if (rule.ids.empty() && !request.all)
    throw Error("slipway cache mounts rm needs the names or IDs of mounts, or --all")
        .hint("`slipway cache mounts` lists them");
  const std::vector<RoomItem> removed = room.prune(rule, false, measuring_lines());
  for (const RoomItem& mount : removed) print("Removed: " + printable(mount.what) + "\n");
  print("Total reclaimed space: " + size_text(sum_of(removed)) + "\n");
  const std::size_t wanted = rule.ids.empty() ? mounts.size() : rule.ids.size();
  if (removed.size() >= wanted) return 0;
  std::fflush(stdout);
  throw Error(std::to_string(wanted - removed.size()) +
              (wanted - removed.size() == 1 ? " cache mount is" : " cache mounts are") +
              " in use by a running build")
      .hint("wait for its end");
}

int cache_mounts(const Request& request, const std::filesystem::path& root) {
  const bool json = wants_json(request.format);
  const bool removes = !request.words.empty();
  if (removes && request.words.front() != "rm")
    throw Error("slipway cache mounts has no action " + quoted(request.words.front()))
        .hint("slipway cache mounts rm ID");
  OwnedStore owned(root, false);
  Room& room = owned.store.room();
  if (removes) return remove(room, request);
  list(room, json);
  return 0;
}

}  // namespace

std::function<int()> declare_cache_mounts(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Lists the directories of RUN --mount=type=cache, or removes them with rm. One that a "
      "running "
      "build uses is never removed.");
  app.add_option("action", request->words, "rm, and the names or beginnings of IDs")
      ->type_name("rm ID|NAME");
  app.add_flag("-a,--all", request->all, "with rm: all of them");
  app.add_option("--format", request->format, "json: an object a line")->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway cache mounts
  slipway cache mounts rm /root/.cache/go-build
  slipway cache mounts rm --all
  slipway cache mounts --format json | jq -r 'select(.Size > 1000000000).Name'

NAME is the mount's id=, or its target where it has none. SIZE is of all its private copies together.
JSON: ID, Name, Size in bytes, LastUsedAt, CreatedAt, InUse.
)");
  return [request, &globals] { return cache_mounts(*request, globals.root); };
}

}  // namespace slipway
