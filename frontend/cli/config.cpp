// slipway config: what a user has set for this store.
#include "command.hpp"
#include "print.hpp"
#include "table.hpp"

#include <cache/settings.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string action;
  std::string name;
  std::string value;
  std::string format;
};

// As it is in effect; there is one setting.
std::string value_in_effect(const Settings& settings) {
  return settings.cache_keep_text() + " (" + size_text(settings.cache_keep()) + ")";
}

void list(const Settings& settings, bool json) {
  std::vector<std::vector<std::string>> rows = {{"NAME", "VALUE", "FROM", "WHAT"}};
  std::string text;
  for (const Settings::Known& known : Settings::known()) {
    const auto set = settings.get(known.name);
    if (json) {
      nlohmann::ordered_json line;
      line["Name"] = known.name;
      line["Value"] = set ? nlohmann::ordered_json(*set) : nlohmann::ordered_json(nullptr);
      line["Bytes"] = settings.cache_keep();
      text += line.dump() + "\n";
      continue;
    }
    rows.push_back({std::string(known.name), value_in_effect(settings), set ? "set" : "default",
                    std::string(known.what)});
  }
  print(json ? text : table(rows));
}

int configure(const Request& request, const std::filesystem::path& root) {
  const bool json = wants_json(request.format);
  const std::vector<std::string> known = {"ls", "get", "set", "unset"};
  if (std::find(known.begin(), known.end(), request.action) == known.end())
    throw Error("slipway config has no action " + quoted(request.action))
        .hint(did_you_mean(request.action, known, "it has ls, get, set and unset"));
  const bool names_one = request.action != "ls";
  if (names_one && request.name.empty())
    throw Error("slipway config " + request.action + " needs the name of a setting")
        .hint("`slipway config ls` lists them");
  if ((request.action == "set") == request.value.empty())
    throw Error(request.action == "set" ? "slipway config set needs a value"
                                        : "slipway config " + request.action + " takes no value")
        .hint("slipway config set NAME VALUE");
  Store store(root);
  Settings& settings = store.settings();
  if (request.action == "ls") {
    list(settings, json);
  } else if (request.action == "get") {
    const auto set = settings.get(request.name);
    print(set.value_or(value_in_effect(settings)) + "\n");
  } else if (request.action == "set") {
    settings.set(request.name, request.value);
  } else {
    settings.unset(request.name);
  }
  return 0;
}

}  // namespace

std::function<int()> declare_config(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  Request& r = *request;
  app.description(
      "slipway config ls, get NAME, set NAME VALUE, unset NAME: what is set for this store. "
      "cache.keep is how much the cache may have beside what images need: a size, or a part of the "
      "disk (10%, and 2 GB at least, unless it is set). It holds after every build.");
  app.add_option("action", r.action, "ls, get, set or unset")->required()->type_name("ACTION");
  app.add_option("name", r.name, "the setting")->type_name("NAME");
  app.add_option("value", r.value, "its value")->type_name("VALUE");
  app.add_option("--format", r.format, "json, of ls: an object a line")->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway config set cache.keep 40GB
  slipway config set cache.keep 25%
  slipway config get cache.keep
  slipway config unset cache.keep        the default again
  slipway config ls --format json

JSON: Name, Value (null: not set), Bytes.
)");
  return [request, &globals] { return configure(*request, globals.root); };
}

}  // namespace slipway
