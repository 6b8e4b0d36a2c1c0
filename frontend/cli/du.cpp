// slipway du: what takes how much room, and what of it could be had back.
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "removed_text.hpp"
#include "table.hpp"

#include <cache/room/room.hpp>
#include <cache/room/usage.hpp>
#include <cache/settings.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;
using Kind = RoomItem::Kind;
using Rows = std::vector<std::vector<std::string>>;

struct Request {
  bool verbose = false;
  std::string format;
};

// A line of the totals.
struct Total {
  std::string type;
  std::size_t count = 0;
  std::size_t in_use = 0;
  std::uint64_t bytes = 0;
  std::uint64_t reclaimable = 0;  // by `slipway prune --all`, now
};

Total total_of(const Usage& usage, std::string type, Kind kind, bool useless_layers = false) {
  Total total;
  total.type = std::move(type);
  for (std::size_t i = 0; i < usage.items.size(); ++i) {
    const RoomItem& item = usage.items[i];
    if (item.kind != kind || (kind == Kind::layer && item.useless != useless_layers)) continue;
    const std::uint64_t bytes = item.bytes - item.blob_bytes;
    ++total.count;
    total.bytes += bytes;
    usage.in_use[i] ? ++total.in_use : total.reclaimable += bytes;
  }
  return total;
}

std::vector<Total> totals_of(const Usage& usage) {
  std::vector<Total> totals;
  totals.push_back({"Images", usage.images.size(), 0, usage.image_layers, 0});
  Total containers{"Containers", usage.containers.size(), 0, usage.container_layers, 0};
  for (const Usage::ContainerUse& use : usage.containers) {
    containers.bytes += use.bytes;
    if (use.running) ++containers.in_use;
  }
  totals.push_back(containers);
  Total volumes{"Volumes", usage.volumes.size(), 0, 0, 0};
  for (const Usage::VolumeUse& use : usage.volumes) {
    volumes.bytes += use.bytes;
    if (use.users != 0) ++volumes.in_use;
  }
  totals.push_back(volumes);
  totals.push_back(total_of(usage, "Steps", Kind::layer));
  totals.push_back(total_of(usage, "Unused layers", Kind::layer, true));
  totals.push_back(total_of(usage, "Cache mounts", Kind::cache_mount));
  Total blobs{"Blobs", usage.blob_count, 0, usage.all_blobs, 0};
  for (std::size_t i = 0; i < usage.items.size(); ++i) {
    if (usage.in_use[i]) continue;
    const RoomItem& item = usage.items[i];
    blobs.reclaimable += item.kind == Kind::blob ? item.bytes : item.blob_bytes;
  }
  totals.push_back(blobs);
  totals.push_back(total_of(usage, "Git repositories", Kind::repository));
  totals.push_back(total_of(usage, "Failed steps", Kind::failed_step));
  totals.push_back(total_of(usage, "Stat caches", Kind::stat_cache));
  totals.push_back(total_of(usage, "Partial blobs", Kind::partial));
  return totals;
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return size_text(part);
  return size_text(part) + " (" + std::to_string(part * 100 / whole) + "%)";
}

std::string totals_text(const std::vector<Total>& totals) {
  Rows rows = {{"TYPE", "TOTAL", "IN USE", "SIZE", "RECLAIMABLE"}};
  Total all{"All", 0, 0, 0, 0};
  for (const Total& total : totals) {
    rows.push_back({total.type, std::to_string(total.count), std::to_string(total.in_use),
                    size_text(total.bytes), share_text(total.reclaimable, total.bytes)});
    all.count += total.count;
    all.in_use += total.in_use;
    all.bytes += total.bytes;
    all.reclaimable += total.reclaimable;
  }
  rows.push_back({all.type, std::to_string(all.count), std::to_string(all.in_use),
                  size_text(all.bytes), share_text(all.reclaimable, all.bytes)});
  return table(rows);
}

std::string short_text(const std::string& text) {
  constexpr std::size_t longest = 60;
  const std::string shown = printable(text);
  return shown.size() <= longest ? shown : shown.substr(0, longest - 3) + "...";
}

std::string names_of(const ImageSummary& image) {
  std::string names;
  for (const Reference& name : image.names) names += (names.empty() ? "" : ", ") + name.familiar();
  return names.empty() ? "<none>" : names;
}

std::string details_text(const Usage& usage) {
  const std::int64_t now = std::time(nullptr);
  Rows rows = {{"IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "NAMES"}};
  for (const Usage::ImageUse& use : usage.images)
    rows.push_back({short_id(use.image.id), age_text(use.image.created, now),
                    size_text(use.shared + use.alone), size_text(use.shared), size_text(use.alone),
                    names_of(use.image)});
  std::string text = "\nImages:\n" + table(rows);

  if (!usage.containers.empty()) {
    rows = {{"CONTAINER ID", "IMAGE", "CREATED", "RUNNING", "SIZE", "NAME"}};
    for (const Usage::ContainerUse& use : usage.containers)
      rows.push_back({use.id.substr(0, 12), short_text(use.image),
                      age_text(use.created / 1'000'000'000, now), use.running ? "yes" : "no",
                      size_text(use.bytes), use.name});
    text += "\nContainers:\n" + table(rows);
  }
  if (!usage.volumes.empty()) {
    rows = {{"VOLUME NAME", "CONTAINERS", "SIZE"}};
    for (const Usage::VolumeUse& use : usage.volumes)
      rows.push_back({use.volume.name, std::to_string(use.users), size_text(use.bytes)});
    text += "\nVolumes:\n" + table(rows);
  }

  rows = {{"CACHE ID", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED", "STEP"}};
  for (const Usage::RecordUse& record : usage.records)
    rows.push_back({record.key.hex().substr(0, 12), size_text(record.bytes),
                    age_text(record.created, now), age_text(record.last_used, now),
                    std::to_string(record.uses),
                    record.in_image ? "image"
                    : record.shared ? "record"
                                    : "no",
                    short_text(record.step)});
  text += "\nSteps:\n" + table(rows);

  rows = {{"ID", "TYPE", "SIZE", "LAST USED", "IN USE", "WHAT"}};
  for (std::size_t i = 0; i < usage.items.size(); ++i) {
    const RoomItem& item = usage.items[i];
    if (item.kind == Kind::layer && !item.useless) continue;
    rows.push_back({item.id.substr(0, 12), std::string(kind_name(item.kind)), size_text(item.bytes),
                    age_text(item.last_used, now), usage.in_use[i] ? "yes" : "no",
                    short_text(item.what)});
  }
  return text + "\nOther:\n" + table(rows);
}

Json json_of(const Usage& usage, const std::vector<Total>& totals, const Settings& settings) {
  Json report;
  report["Totals"] = Json::array();
  for (const Total& total : totals)
    report["Totals"].push_back({{"Type", total.type},
                                {"TotalCount", total.count},
                                {"InUse", total.in_use},
                                {"Size", total.bytes},
                                {"Reclaimable", total.reclaimable}});
  report["CacheKeep"] = settings.cache_keep();
  report["Images"] = Json::array();
  for (const Usage::ImageUse& use : usage.images) {
    Json image;
    image["ID"] = use.image.id.text();
    image["Names"] = Json::array();
    for (const Reference& name : use.image.names) image["Names"].push_back(name.familiar());
    image["Size"] = use.shared + use.alone;
    image["SharedSize"] = use.shared;
    image["UniqueSize"] = use.alone;
    report["Images"].push_back(std::move(image));
  }
  report["Containers"] = Json::array();
  for (const Usage::ContainerUse& use : usage.containers)
    report["Containers"].push_back({{"ID", use.id},
                                    {"Name", use.name},
                                    {"Image", use.image},
                                    {"Running", use.running},
                                    {"Size", use.bytes}});
  report["Volumes"] = Json::array();
  for (const Usage::VolumeUse& use : usage.volumes)
    report["Volumes"].push_back({{"Name", use.volume.name},
                                 {"Anonymous", use.volume.anonymous},
                                 {"Containers", use.users},
                                 {"Size", use.bytes}});
  report["Records"] = Json::array();
  for (const Usage::RecordUse& record : usage.records) {
    Json one;
    one["ID"] = record.key.hex();
    one["Step"] = record.step;
    one["Size"] = record.bytes;
    one["CreatedAt"] = time_text(record.created);
    one["LastUsedAt"] = time_text(record.last_used);
    one["UsageCount"] = record.uses;
    one["DurationSeconds"] = static_cast<double>(record.duration) / 1e9;
    one["InImage"] = record.in_image;
    one["Shared"] = record.shared;
    report["Records"].push_back(std::move(one));
  }
  report["Other"] = Json::array();
  for (std::size_t i = 0; i < usage.items.size(); ++i) {
    const RoomItem& item = usage.items[i];
    if (item.kind == Kind::layer && !item.useless) continue;
    Json one;
    one["ID"] = item.id;
    one["Type"] = kind_name(item.kind);
    one["Size"] = item.bytes;
    one["CreatedAt"] = time_text(item.created);
    one["LastUsedAt"] = time_text(item.last_used);
    one["InUse"] = static_cast<bool>(usage.in_use[i]);
    one["Description"] = item.what;
    report["Other"].push_back(std::move(one));
  }
  return report;
}

int show_usage(const Request& request, const std::filesystem::path& root) {
  const bool json = wants_json(request.format);
  OwnedStore owned(root, false);
  Store& store = owned.store;
  const Usage usage = store.room().usage(store.images(), measuring_lines());
  const std::vector<Total> totals = totals_of(usage);
  if (json) {
    print(json_of(usage, totals, store.settings())
              .dump(-1, ' ', false, Json::error_handler_t::replace) +
          "\n");
    return 0;
  }
  print(totals_text(totals) + (request.verbose ? details_text(usage) : ""));
  return 0;
}

}  // namespace

std::function<int()> declare_du(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Says what takes how much room: images, containers, volumes, the steps' layers that no image "
      "has, cache mounts, blobs, git repositories, what failed steps left. Reclaimable is what "
      "`slipway prune --all` "
      "would remove now.");
  app.add_flag("-v,--verbose", request->verbose, "each image, step, and whatever else there is");
  app.add_option("--format", request->format, "json: one object, with all of it")
      ->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway du                       the totals
  slipway du -v                    what they consist of
  slipway du --format json | jq -r '.Records | max_by(.Size) | .Step'

Sizes are of the contents of files; the file system needs more for small ones. A layer counts once,
however many images and steps have it: SHARED says whether an image or another step has a step's
layer, too; in use are containers that run, and volumes that a container has. Folders are walked through when something was done in them since the last time.

JSON: Totals (Type, TotalCount, InUse, Size, Reclaimable), CacheKeep, Images (ID, Names, Size,
SharedSize, UniqueSize), Containers (ID, Name, Image, Running, Size), Volumes (Name, Anonymous,
Containers, Size), Records (ID, Step, Size, CreatedAt, LastUsedAt, UsageCount,
DurationSeconds, InImage, Shared), Other (ID, Type, Size, CreatedAt, LastUsedAt, InUse,
Description). Sizes are bytes.
)");
  return [request, &globals] { return show_usage(*request, globals.root); };
}

}  // namespace slipway
