// slipway diff: what files a container has changed, or one image has that another has not, by
// layer.
#include "command.hpp"
#include "image_path.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "table.hpp"

#include <cache/store.hpp>
#include <executor/compare/images.hpp>
#include <executor/containers/container_tree.hpp>
#include <executor/containers/join.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;
using Side = LayerDifferences::Side;

struct Request {
  std::string first;
  std::string second;
  std::string format;
  std::string platform;
};

std::string change_of(const FileDifference& file) {
  if (!file.was) return "added";
  return file.is ? "changed" : "removed";
}

// The instruction that the layer comes from, as far as the history tells.
std::string step_of(const Image& image, std::size_t layer) {
  std::vector<const HistoryEntry*> told;
  for (const HistoryEntry& entry : image.config.history)
    if (!entry.empty_layer) told.push_back(&entry);
  // Layers that the history does not tell of stand at the bottom.
  const std::size_t untold = image.layers.size() - std::min(told.size(), image.layers.size());
  return layer < untold || layer - untold >= told.size() ? "" : told[layer - untold]->created_by;
}

std::string growth_text(std::int64_t bytes) {
  if (bytes == 0) return "0B";
  const auto amount = static_cast<std::uint64_t>(bytes < 0 ? -bytes : bytes);
  return (bytes < 0 ? "-" : "+") + size_text(amount);
}

std::string aspects_text(const FileDifference& file) {
  std::string text;
  for (const Aspect aspect : file.aspects)
    text += (text.empty() ? "" : ", ") + std::string(name_of(aspect));
  return text;
}

struct Totals {
  std::size_t added = 0;
  std::size_t changed = 0;
  std::size_t removed = 0;
  std::int64_t growth = 0;
};

Totals totals_of(const std::vector<LayerDifferences>& layers) {
  Totals totals;
  for (const LayerDifferences& layer : layers) {
    totals.growth += layer.growth();
    for (const FileDifference& file : layer.files)
      ++(!file.was ? totals.added : file.is ? totals.changed : totals.removed);
  }
  return totals;
}

std::string text_of(const std::vector<LayerDifferences>& layers, const Request& request,
                    const Image& first, const Image& second) {
  std::string text;
  for (const LayerDifferences& layer : layers) {
    const bool gone = layer.side == Side::first;
    std::string step = printable(step_of(gone ? first : second, layer.layer));
    if (!text.empty()) text += "\n";
    text += (gone ? "without layer " : "layer ") + std::to_string(layer.layer + 1) + " of " +
            printable(gone ? request.first : request.second) + ", " + growth_text(layer.growth()) +
            (step.empty() ? "" : ": " + step) + "\n";
    for (const FileDifference& file : layer.files) {
      std::string change = change_of(file);
      text += std::string("  ") + (file.was ? (file.is ? 'C' : 'D') : 'A') + " " +
              printable("/" + file.path);
      if (const std::string aspects = aspects_text(file); !aspects.empty()) text += "  " + aspects;
      if (const std::int64_t growth = growth_of(file); growth != 0)
        text += "  " + growth_text(growth);
      text += "\n";
    }
  }
  const Totals totals = totals_of(layers);
  if (layers.empty()) return "the files are the same\n";
  return text + "\n" + std::to_string(totals.added) + " added, " + std::to_string(totals.changed) +
         " changed, " + std::to_string(totals.removed) + " removed, " + growth_text(totals.growth) +
         "\n";
}

std::string json_of(const std::vector<LayerDifferences>& layers, const Image& first,
                    const Image& second) {
  const Totals totals = totals_of(layers);
  Json json;
  json["first"] = first.id.text();
  json["second"] = second.id.text();
  json["added"] = totals.added;
  json["changed"] = totals.changed;
  json["removed"] = totals.removed;
  json["growth"] = totals.growth;
  json["layers"] = Json::array();
  for (const LayerDifferences& layer : layers) {
    const bool gone = layer.side == Side::first;
    const Image& image = gone ? first : second;
    Json one;
    one["image"] = gone ? "first" : "second";
    one["layer"] = layer.layer + 1;
    one["diff_id"] = image.layers[layer.layer].diff_id.text();
    one["created_by"] = step_of(image, layer.layer);
    one["growth"] = layer.growth();
    one["files"] = Json::array();
    for (const FileDifference& file : layer.files) {
      Json entry;
      entry["path"] = "/" + file.path;
      entry["change"] = change_of(file);
      if (!file.aspects.empty()) {
        entry["what"] = Json::array();
        for (const Aspect aspect : file.aspects) entry["what"].push_back(name_of(aspect));
      }
      const auto size = [](const std::optional<Entry>& side) {
        return side && side->type == Entry::Type::file ? Json(side->size) : Json(nullptr);
      };
      entry["size_before"] = size(file.was);
      entry["size_after"] = size(file.is);
      one["files"].push_back(std::move(entry));
    }
    json["layers"].push_back(std::move(one));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string_view word_of(ContainerChange::Kind kind) {
  switch (kind) {
    case ContainerChange::Kind::added:
      return "added";
    case ContainerChange::Kind::changed:
      return "changed";
    case ContainerChange::Kind::deleted:
      break;
  }
  return "deleted";
}

int diff_container(const Request& request, const std::filesystem::path& root) {
  const bool json = wants_json(request.format);
  enter_containers_user_namespace(root, request.first);
  OwnedStore owned(root);
  const Container container = owned.store.containers().get(request.first);
  std::vector<ContainerChange> changes;
  {
    const PausedContainer paused(owned.store, container);
    changes = container_changes(owned.store, container);
  }
  std::string text;
  Json list = Json::array();
  for (const ContainerChange& change : changes) {
    const std::string_view word = word_of(change.kind);
    if (json) list.push_back({{"path", change.path}, {"change", word}});
    const char letter = static_cast<char>(word.front() - 'a' + 'A');
    text += std::string(1, letter) + " " + printable(change.path) + "\n";
  }
  print(json ? list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : text);
  return 0;
}

int diff(const Request& request, const std::filesystem::path& root) {
  if (request.second.empty()) return diff_container(request, root);
  const bool json = wants_json(request.format);
  Store store(root);
  const Image first = image_named(store, request.first, request.platform);
  const Image second = image_named(store, request.second, request.platform);
  const std::vector<LayerDifferences> layers = compare_images(store, first.layers, second.layers);
  print(json ? json_of(layers, first, second) : text_of(layers, request, first, second));
  return 0;
}

}  // namespace

std::function<int()> declare_diff(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Lists what a container has changed in its image's files: added (A), changed (C), deleted "
      "(D).\n"
      "Or compares the files of two images: added, changed, removed, by the layer that did it, "
      "with\n"
      "the bytes that each takes more. Times are not compared.");
  app.add_option("first", request->first,
                 "a container's or image's name, ID or the beginning of one")
      ->required()
      ->type_name("CONTAINER|IMAGE");
  app.add_option("second", request->second, "the image that is compared with the first one")
      ->type_name("IMAGE");
  app.add_option("--format", request->format, "json: sizes in bytes")->type_name("FORMAT");
  app.add_option("--platform", request->platform, "of images of several platforms, this one's")
      ->type_name("OS/ARCH");
  app.footer(R"(
Examples:
  slipway diff box
  slipway diff app:1 app:2
  slipway diff --format json app:1 app:2 | jq -r '.layers[].files[] | select(.change == "added").path'
)");
  return [request, &globals] { return diff(*request, globals.root); };
}

}  // namespace slipway
