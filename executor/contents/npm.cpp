// npm's packages: package.json of what is installed, package-lock.json of what is to be.
#include <executor/contents/formats.hpp>
#include <executor/contents/json.hpp>
#include <executor/contents/text.hpp>

namespace slipway {
namespace {

using Json = nlohmann::json;

// A string, in old packages an object with a type, or a list of either.
void take_licences(const Json& value, std::set<std::string>& licences) {
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size() && i < 20; ++i)
      if (!value[i].is_array()) take_licences(value[i], licences);
    return;
  }
  const std::string text = value.is_object()   ? text_member(value, "type")
                           : value.is_string() ? field_text(value.get_ref<const std::string&>())
                                               : "";
  if (!text.empty()) licences.insert(text);
}

std::optional<Package> package_of(const Json& json, std::string name) {
  Package package;
  package.type = Package::Type::npm;
  package.name = std::move(name);
  package.version = text_member(json, "version");
  if (package.name.empty() || package.version.empty()) return std::nullopt;
  if (const auto found = json.find("license"); found != json.end())
    take_licences(*found, package.licences);
  if (const auto found = json.find("licenses"); package.licences.empty() && found != json.end())
    take_licences(*found, package.licences);
  return package;
}

// "node_modules/a/node_modules/@scope/b" is where @scope/b lies.
std::string name_in(std::string_view place) {
  constexpr std::string_view folder = "node_modules/";
  const std::size_t last = place.rfind(folder);
  return last == place.npos ? "" : field_text(place.substr(last + folder.size()));
}

// Versions 1 and 2: a tree, walked without recursion.
void take_tree(const Json& lock, std::vector<Package>& packages) {
  std::vector<const Json*> left{&lock};
  while (!left.empty()) {
    const auto found = left.back()->find("dependencies");
    const bool there = found != left.back()->end() && found->is_object();
    left.pop_back();
    if (!there) continue;
    for (const auto& [name, dependency] : found->items()) {
      if (packages.size() > most_packages) return;
      if (!dependency.is_object()) continue;
      if (auto package = package_of(dependency, field_text(name)))
        packages.push_back(std::move(*package));
      left.push_back(&dependency);
    }
  }
}

}  // namespace

std::optional<Package> read_npm_package(std::string_view text) {
  const Json json = read_foreign_json(text);
  if (!json.is_object()) return std::nullopt;
  auto package = package_of(json, text_member(json, "name"));
  if (package) package->homepage = text_member(json, "homepage");
  return package;
}

std::vector<Package> read_npm_lock(std::string_view text) {
  const Json json = read_foreign_json(text);
  std::vector<Package> packages;
  if (!json.is_object()) return packages;
  const auto found = json.find("packages");
  if (found == json.end() || !found->is_object()) {
    take_tree(json, packages);
    return packages;
  }
  for (const auto& [place, entry] : found->items()) {
    // "" is the project itself; a link says that another entry is meant.
    if (packages.size() > most_packages || !entry.is_object() || place.empty()) continue;
    if (const auto link = entry.find("link"); link != entry.end() && *link == true) continue;
    std::string name = text_member(entry, "name");  // an alias: what it really is
    if (name.empty()) name = name_in(place);
    if (auto package = package_of(entry, std::move(name))) packages.push_back(std::move(*package));
  }
  return packages;
}

}  // namespace slipway
