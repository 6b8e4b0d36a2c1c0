// slipway prune: removes what the cache can do without.
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "removed_text.hpp"
#include "table.hpp"

#include <cache/images/time.hpp>
#include <cache/room/room.hpp>
#include <cache/settings.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;
using Kind = RoomItem::Kind;

struct Request {
  bool all = false;
  bool dry_run = false;
  bool force = false;  // docker's flag; nothing is asked here
  std::string keep;
  std::vector<std::string> filters;
  std::string format;
};

// Docker's names for what is the same here beside our own.
const std::vector<std::pair<std::string, Kind>>& kinds() {
  static const std::vector<std::pair<std::string, Kind>> list{
      {"layer", Kind::layer},
      {"regular", Kind::layer},
      {"blob", Kind::blob},
      {"cache-mount", Kind::cache_mount},
      {"exec.cachemount", Kind::cache_mount},
      {"failed-step", Kind::failed_step},
      {"git", Kind::repository},
      {"source.git.checkout", Kind::repository},
      {"stat-cache", Kind::stat_cache},
      {"source.local", Kind::stat_cache},
      {"partial", Kind::partial},
  };
  return list;
}

Kind kind_of(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, kind] : kinds()) {
    if (known == name) return kind;
    names.push_back(known);
  }
  throw Error("--filter type=" + quoted(name) + " is not known")
      .hint(did_you_mean(name, names, "layer, blob, cache-mount, failed-step, git, stat-cache or "
                          "partial"));
}

std::int64_t time_of(const std::string& text) {
  if (const auto time = read_moment(text, std::time(nullptr))) return *time;
  throw Error("--filter until=" + quoted(text) + " is no time")
      .hint("how long ago, as 24h or 7d, or since when, as 2024-05-31 or 2024-05-31T12:00:00Z");
}

// "type=cache-mount,id=3f2a" is two filters. Each key narrows, of one key any value counts.
void add_filter(const std::string& text, PruneRule& rule) {
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const std::string one = text.substr(start, comma - start);
    start = comma + 1;
    const std::size_t equals = one.find('=');
    const std::string key = one.substr(0, equals);
    const std::string value = equals == one.npos ? "" : one.substr(equals + 1);
    if (value.empty())
      throw Error("--filter " + quoted(text) + " is not KEY=VALUE")
          .hint("until=24h, id=3f2a9c1d or type=cache-mount");
    if (key == "until") {
      rule.unused_since = time_of(value);
    } else if (key == "id") {
      rule.ids.push_back(value.starts_with("sha256:") ? value.substr(7) : value);
    } else if (key == "type") {
      rule.kinds.insert(kind_of(value));
    } else {
      throw Error("--filter " + quoted(key) + " is not known")
          .hint(did_you_mean(key, {"until", "id", "type"}, "until, id or type"));
    }
  }
}

PruneRule rule_of(const Request& request, const Settings& settings,
                  const std::filesystem::path& root) {
  PruneRule rule;
  const auto say = [&rule](const std::string& part) {
    rule.text += (rule.text.empty() ? "" : ", ") + part;
  };
  rule.all = request.all;
  if (request.all) say("all");
  for (const std::string& filter : request.filters) {
    add_filter(filter, rule);
    say(filter);
  }
  if (!request.keep.empty()) {
    rule.keep = read_room(request.keep, root);
    if (!rule.keep)
      throw Error("--keep " + quoted(request.keep) + " is no size")
          .hint("a number with a unit, 40GB, or a part of the disk, 10%");
    say("keep " + request.keep);
  } else if (!request.all && request.filters.empty()) {
    // What the end of a build does, and what is of no use any more.
    rule.keep = settings.cache_keep();
    say("keep " + settings.cache_keep_text());
  }
  rule.text = "prune (" + rule.text + ")";
  return rule;
}

std::string what_of(const RoomItem& item) {
  constexpr std::size_t longest = 60;
  const std::string what = printable(item.what);
  return what.size() <= longest ? what : what.substr(0, longest - 3) + "...";
}

void show(const std::vector<RoomItem>& items, const Request& request) {
  const std::int64_t now = std::time(nullptr);
  if (wants_json(request.format)) {
    std::string text;
    for (const RoomItem& item : items) {
      Json line;
      line["ID"] = item.id;
      line["Type"] = kind_name(item.kind);
      line["Size"] = item.bytes;
      line["CreatedAt"] = time_text(item.created);
      line["LastUsedAt"] = time_text(item.last_used);
      line["UsageCount"] = item.uses;
      line["Description"] = item.what;
      line["Removed"] = !request.dry_run;
      text += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    print(text);
    return;
  }
  std::vector<std::vector<std::string>> rows = {{"ID", "TYPE", "SIZE", "LAST USED", "WHAT"}};
  for (const RoomItem& item : items)
    rows.push_back({item.id.substr(0, 12), std::string(kind_name(item.kind)), size_text(item.bytes),
                    age_text(item.last_used, now), what_of(item)});
  std::string text = items.empty() ? "" : table(rows) + "\n";
  text += request.dry_run ? "Would reclaim: " : "Total reclaimed space: ";
  print(text + size_text(sum_of(items)) + "\n");
}

int prune(const Request& request, const std::filesystem::path& root) {
  wants_json(request.format);  // before anything is removed
  OwnedStore owned(root, false);
  Store& store = owned.store;
  const PruneRule rule = rule_of(request, store.settings(), store.state().root());
  show(store.room().prune(rule, request.dry_run, measuring_lines()), request);
  return 0;
}

}  // namespace

std::function<int()> declare_prune(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  Request& r = *request;
  app.description(
      "Removes what the cache can do without: layers of steps, cache mounts, blobs, git "
      "repositories, what failed steps left. What an image has stays, and so does what a running "
      "build or pull uses. Without a flag it does what every build does at its end (see `slipway "
      "config`), and removes what nothing can use any more.");
  app.add_flag("-a,--all", r.all, "all of the cache");
  app.add_flag("-n,--dry-run", r.dry_run, "only say what would be removed");
  app.add_option("--filter", r.filters,
                 "only this: until=24h (not used since), id=BEGINNING, type=layer, blob, "
                 "cache-mount, failed-step, git, stat-cache or partial")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--keep,--keep-storage,--reserved-space", r.keep,
                 "as little as brings the cache down to this: a size, or a part of the disk")
      ->type_name("SIZE");
  app.add_flag("-f,--force", r.force, "accepted as docker's; nothing is asked");
  app.add_option("--format", r.format, "json: an object a line")->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway prune --dry-run --all             what could go
  slipway prune --filter until=7d           what was not used for a week
  slipway prune --keep 10GB                 down to 10 GB, the least valuable first
  slipway prune --filter type=cache-mount   the directories of RUN --mount=type=cache
  slipway prune --filter id=3f2a9c1d        one thing, as `slipway du -v` names it

The least valuable is what took the least time to make for its size and was not used for the
longest. Images are removed by `slipway rmi`; their layers are cache again from then on. A step that
runs again because its result was removed says so in the build's report.

JSON: ID, Type, Size in bytes, CreatedAt, LastUsedAt, UsageCount, Description, Removed.
)");
  return [request, &globals] { return prune(*request, globals.root); };
}

}  // namespace slipway
