// slipway cache show: a key and its record, whole.
#include "cache.hpp"
#include "print.hpp"
#include "step_explanation.hpp"
#include "table.hpp"

#include <cache/store.hpp>
#include <executor/solve/part_names.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

struct Request {
  std::string key;
  std::string format;
};

std::string json_text(const Record& record) {
  Json json;
  json["Key"] = record.key.text();
  json["Step"] = record.step;
  json["Layer"] = record.layer.diff_id.text();
  json["Tree"] = record.layer.tree.text();
  json["Size"] = record.layer.size;
  json["Created"] = time_text(record.created);
  json["Ran"] = time_text(record.ran);
  json["LastUsed"] = time_text(record.last_used);
  json["Uses"] = record.uses;
  json["Seconds"] = static_cast<double>(record.duration) / 1e9;
  json["Parts"] = Json::array();
  for (const KeyPart& part : record.parts)
    json["Parts"].push_back({{"Label", part.label}, {"Value", shown_part(part.label, part.value)}});
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// What it gave, then every part: nothing is shortened, this is the place to see it all.
std::string text_of(const Record& record) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f s", static_cast<double>(record.duration) / 1e9);
  std::string text = "key        " + record.key.text() + "\n";
  text += "step       " + printable(record.step) + "\n";
  text += "layer      " + record.layer.diff_id.text() + " (" + size_text(record.layer.size) + ")\n";
  text += "tree       " + record.layer.tree.text() + "\n";
  text += "created    " + time_text(record.created) + "\n";
  text += "ran        " + time_text(record.ran) + ", for " + seconds + "\n";
  text += "last used  " + time_text(record.last_used) + ", a hit " + std::to_string(record.uses) +
          (record.uses == 1 ? " time\n" : " times\n");
  text += "made of\n";
  std::size_t width = 0;
  for (const KeyPart& part : record.parts) width = std::max(width, printable(part.label).size());
  for (const KeyPart& part : record.parts) {
    std::string label = printable(part.label);
    label.resize(std::max(width, label.size()), ' ');
    const std::string value = shown_part(part.label, part.value);
    text += "  " + label + "  " + value_text(value, value.size()) + "\n";
  }
  return text;
}

}  // namespace

std::function<int()> declare_cache_show(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Shows a cache key as text: every part that it is the sha256 of, in order, and what the step\n"
      "gave. KEY may be its first digits, at least four. Secrets are never shown.");
  app.add_option("key", request->key, "a cache key, or its beginning")
      ->required()
      ->type_name("KEY");
  app.add_option("--format", request->format, "json: one object")->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway cache show 4f8a21c0
  slipway cache show 4f8a21c0 --format json | jq '.Parts[] | select(.Label == "user")'
)");
  return [request, &globals] {
    const bool json = wants_json(request->format);
    Store store(globals.root);
    const Record record = find_record(store.records(), request->key);
    print(json ? json_text(record) : text_of(record));
    return 0;
  };
}

}  // namespace slipway
