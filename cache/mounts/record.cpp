#include <cache/mounts/document.hpp>

#include <cache/json_bounds.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

constexpr int version = 1;
// Of a record from anybody; one of ours has two levels and a dozen values.
constexpr std::size_t most_depth = 4;
constexpr std::size_t most_values = 1000;

}  // namespace

Digest mount_record_key(const std::string& id) {
  return sha256("slipway cache mount\n" + id);
}

std::string encode_mount_record(const MountRecord& record) {
  Json json;
  json["slipwayCacheMount"] = version;
  json["key"] = record.key.text();
  json["id"] = record.id;
  json["document"] = {{"digest", record.document.digest.text()}, {"size", record.document.size}};
  json["size"] = record.size;
  // An id is a text of the Dockerfile's author, who may have written any bytes.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

MountRecord decode_mount_record(std::string_view bytes, const MountLimits& limits) {
  const Json json =
      is_modest_json(bytes, most_depth, most_values) ? Json::parse(bytes, nullptr, false) : Json();
  try {
    if (json.at("slipwayCacheMount") != version)
      throw Error("the record of the cache mount is of another format");
    MountRecord record;
    record.id = json.at("id").get<std::string>();
    const auto key = Digest::parse(json.at("key").get<std::string>());
    const auto digest = Digest::parse(json.at("document").at("digest").get<std::string>());
    record.document.size = json.at("document").at("size").get<std::uint64_t>();
    record.size = json.at("size").get<std::uint64_t>();
    if (key && digest && record.document.size <= limits.document) {
      record.key = *key;
      record.document.digest = *digest;
      return record;
    }
  } catch (const Json::exception&) {
    // Told below, as any other damage.
  }
  throw Error("the record of the cache mount is damaged");
}

}  // namespace slipway
