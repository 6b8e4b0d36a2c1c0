#include "describe_volume.hpp"

#include "../table.hpp"

#include <cache/store.hpp>

#include <nlohmann/json.hpp>

#include <string_view>

namespace slipway {

Described describe_volume(Store& store, const StoredVolume& volume) {
  using Json = nlohmann::ordered_json;
  Json json;
  json["CreatedAt"] = time_text(volume.created / 1'000'000'000);
  json["Driver"] = "local";
  json["Labels"] = nullptr;
  for (const auto& [key, value] : volume.labels) json["Labels"][key] = value;
  json["Mountpoint"] = store.volumes().directory(volume.name).string();
  json["Name"] = volume.name;
  json["Options"] = nullptr;
  json["Scope"] = "local";
  return {json.dump(-1, ' ', false, Json::error_handler_t::replace), [](std::string_view text) {
            return with_maps(text, {"Labels", "Options"});
          }};
}

}  // namespace slipway
