// slipway cache diff: where two keys differ.
#include "cache.hpp"
#include "print.hpp"
#include "step_explanation.hpp"

#include <cache/store.hpp>
#include <executor/files/file_list.hpp>
#include <executor/solve/explain.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

struct Request {
  std::string was;
  std::string is;
  std::string format;
};

struct Difference {
  std::vector<PartChange> parts;
  // Of each part that is the digest of files, where both records have kept their lists.
  std::vector<std::pair<std::string, FileChanges>> files;
};

Difference compare(RecordStore& records, const Record& was, const Record& is) {
  Difference difference;
  difference.parts = compare_parts(was.parts, is.parts);
  for (const PartChange& part : difference.parts) {
    if (!part.label.ends_with(files_part)) continue;
    const std::string before = records.files(was.key, part.label);
    const std::string after = records.files(is.key, part.label);
    if (!before.empty() && !after.empty())
      difference.files.emplace_back(part.label, compare_file_lists(before, after));
  }
  return difference;
}

std::string json_text(const Record& was, const Record& is, const Difference& difference) {
  Json json;
  json["Was"] = {{"Key", was.key.text()}, {"Step", was.step}};
  json["Is"] = {{"Key", is.key.text()}, {"Step", is.step}};
  json["Parts"] = Json::array();
  for (const PartChange& part : difference.parts)
    json["Parts"].push_back({{"Label", part.label},
                             {"Was", part.was ? Json(*part.was) : Json(nullptr)},
                             {"Is", part.is ? Json(*part.is) : Json(nullptr)}});
  json["Files"] = Json::array();
  for (const auto& [label, changes] : difference.files) {
    for (const FileChange& change : changes.first)
      json["Files"].push_back({{"Part", label},
                               {"Path", change.path},
                               {"Change", change.what},
                               {"Detail", change.detail}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string text_of(const Record& was, const Record& is, const Difference& difference) {
  std::string text = "was  " + was.key.text() + "\n     " + printable(was.step) + "\nis   " +
                     is.key.text() + "\n     " + printable(is.step) + "\n";
  if (difference.parts.empty())
    text += was.key == is.key ? "they are one key\n" : "only the order of their parts differs\n";
  text += parts_text(difference.parts);
  for (const auto& [label, changes] : difference.files)
    text += changes_text(changes.first, changes.count);
  return text;
}

}  // namespace

std::function<int()> declare_cache_diff(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Shows every part in which two cache keys differ, with both values, and the files behind\n"
      "digests where both records have kept their lists.");
  app.add_option("key", request->was, "a cache key, or its beginning")
      ->required()
      ->type_name("KEY");
  app.add_option("other", request->is, "another one")->required()->type_name("KEY");
  app.add_option("--format", request->format, "json: one object")->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway cache diff 4f8a21c0 90b1d2e3
)");
  return [request, &globals] {
    const bool json = wants_json(request->format);
    Store store(globals.root);
    const Record was = find_record(store.records(), request->was);
    const Record is = find_record(store.records(), request->is);
    const Difference difference = compare(store.records(), was, is);
    print(json ? json_text(was, is, difference) : text_of(was, is, difference));
    return 0;
  };
}

}  // namespace slipway
