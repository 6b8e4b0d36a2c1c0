#include "image_config.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace slipway {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Json read_json(const fs::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return Json::parse(in);
}

fs::path blob_of(const fs::path& layout, const Json& descriptor) {
  return layout / "blobs/sha256" / descriptor["digest"].get<std::string>().substr(7);
}

Json manifest_of(const fs::path& layout) {
  const Json index = read_json(layout / "index.json");
  return read_json(blob_of(layout, index["manifests"][0]));
}

}  // namespace

Json config_of(const fs::path& layout) {
  return read_json(blob_of(layout, manifest_of(layout)["config"]));
}

fs::path last_layer_of(const fs::path& layout) {
  return blob_of(layout, manifest_of(layout)["layers"].back());
}

std::vector<std::string> config_differences(const std::string& lines, const Json& image) {
  std::vector<std::string> differences;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos) throw std::runtime_error("no config line: " + line);
    const std::string key = line.substr(0, blank);
    const Json wanted = Json::parse(line.substr(blank + 1));
    const Json got = image["config"].value(key, Json());
    if (got != wanted) differences.push_back(key + " is " + got.dump());
  }
  return differences;
}

}  // namespace slipway
