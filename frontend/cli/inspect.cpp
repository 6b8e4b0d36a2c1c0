// slipway inspect: all that is known of images, in the shape of `docker image inspect`.
#include "command.hpp"
#include "print.hpp"

#include <cache/store.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

struct Request {
  std::vector<std::string> names;
  std::string format;
  std::string type;
  std::string platform;
};

Json describe(const Image& image) {
  const Json config = Json::parse(image.config_json);  // read_image_config() has accepted it
  Json json;
  json["Id"] = image.id.text();
  json["RepoTags"] = Json::array();
  json["RepoDigests"] = Json::array();
  for (const Reference& name : image.names)
    json[name.digest ? "RepoDigests" : "RepoTags"].push_back(name.familiar());
  json["Parent"] = "";
  json["Comment"] = image.config.history.empty() ? "" : image.config.history.back().comment;
  if (!image.config.created.empty()) json["Created"] = image.config.created;
  json["DockerVersion"] = "";
  json["Author"] = image.config.author;
  // As it was written, with fields slipway has no use for.
  const auto run = config.find("config");
  json["Config"] = run == config.end() || run->is_null() ? Json::object() : *run;
  json["Architecture"] = image.config.platform.architecture;
  if (!image.config.platform.variant.empty()) json["Variant"] = image.config.platform.variant;
  json["Os"] = image.config.platform.os;
  if (!image.config.os_version.empty()) json["OsVersion"] = image.config.os_version;
  json["Size"] = image.size;
  json["RootFS"]["Type"] = "layers";
  json["RootFS"]["Layers"] = Json::array();
  for (const LayerRef& layer : image.layers)
    json["RootFS"]["Layers"].push_back(layer.diff_id.text());
  return json;
}

// Of an index what its image for this machine is, as docker shows it, and which images there are.
Json describe(const StoredIndex& index, const Image& own) {
  Json json = describe(own);
  json["Id"] = index.id.text();
  json["RepoTags"] = Json::array();
  json["RepoDigests"] = Json::array();
  for (const Reference& name : index.names)
    json[name.digest ? "RepoDigests" : "RepoTags"].push_back(name.familiar());
  json["Manifests"] = Json::array();
  for (const Image& image : index.images) {
    Json entry;
    entry["Id"] = image.id.text();
    entry["Platform"]["architecture"] = image.config.platform.architecture;
    entry["Platform"]["os"] = image.config.platform.os;
    if (!image.config.platform.variant.empty())
      entry["Platform"]["variant"] = image.config.platform.variant;
    entry["Size"] = image.size;
    json["Manifests"].push_back(std::move(entry));
  }
  return json;
}

Json describe(const ImageStore& images, const std::string& name,
              const std::optional<Platform>& platform) {
  const Digest id = images.resolve(name);
  const std::optional<StoredIndex> index = images.find_index(id);
  if (index && !platform) return describe(*index, images.get(name));
  const std::optional<Image> image = images.find(id, platform);
  if (image) return describe(*image);
  std::string offered;
  if (index) {
    for (const Image& each : index->images)
      offered += (offered.empty() ? "" : ", ") + each.config.platform.text();
  } else {
    offered = images.get(name).config.platform.text();
  }
  throw Error("the image " + quoted(name) + " is not there for " + platform->text())
      .hint("it is there for " + quoted(offered));
}

int inspect(const Request& request, const std::filesystem::path& root) {
  if (!request.type.empty() && request.type != "image")
    throw Error("--type does not know " + quoted(request.type)).hint("slipway inspects images");
  const bool lines = wants_json(request.format);
  std::optional<Platform> platform;
  if (!request.platform.empty()) platform = parse_platform(request.platform);
  Store store(root);
  Json list = Json::array();
  // As docker: what is there is shown, what is not is an error after it.
  std::vector<Diagnostic> missing;
  for (const std::string& name : request.names) {
    try {
      list.push_back(describe(store.images(), name, platform));
    } catch (const Error& error) {
      missing.insert(missing.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }
  const auto dump = [](const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
  };
  if (lines) {
    for (const Json& image : list) print(dump(image, -1));
  } else {
    print(dump(list, 4));
  }
  if (missing.empty()) return 0;
  std::fflush(stdout);
  throw Error(std::move(missing));
}

}  // namespace

std::function<int()> declare_inspect(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Shows all that is known of images, as a JSON list.");
  app.add_option("image", request->names, "names, IDs or beginnings of IDs")
      ->required()
      ->type_name("IMAGE...");
  app.add_option("-f,--format", request->format, "json: an object a line")->type_name("FORMAT");
  app.add_option("--type", request->type, "image")->type_name("TYPE");
  app.add_option("--platform", request->platform, "of an image of several platforms, this one's")
      ->type_name("OS/ARCH");
  app.footer(R"(
Examples:
  slipway inspect app
  slipway inspect app | jq -r '.[0].Manifests[].Platform.architecture'
  slipway inspect app | jq -r '.[0].Config.Env[]'
  slipway inspect $(slipway images -q) | jq -r '.[].RepoTags[]'
)");
  return [request, &globals] { return inspect(*request, globals.root); };
}

}  // namespace slipway
