#include <cache/registry/search.hpp>

#include <cache/json_bounds.hpp>
#include <cache/registry/endpoint.hpp>
#include <cache/registry/pages.hpp>
#include <ir/error.hpp>
#include <ir/letter_case.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <optional>

namespace slipway {
namespace {

using Json = nlohmann::json;

// The Hub searches elsewhere than it serves images.
constexpr std::string_view hub_search = "index.docker.io";
constexpr std::size_t most_repositories = 100'000;

Json parse_page(const std::string& body) {
  return is_modest_json(body, 16, 1'000'000) ? Json::parse(body, nullptr, false) : Json();
}

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

// Nothing for an answer of another kind.
std::optional<std::vector<SearchResult>> read_results(const std::string& body, std::size_t limit) {
  const Json json = parse_page(body);
  const auto results = json.is_object() ? json.find("results") : json.end();
  if (results == json.end() || !results->is_array()) return std::nullopt;
  std::vector<SearchResult> found;
  for (const Json& entry : *results) {
    if (found.size() == limit) break;
    if (!entry.is_object()) continue;
    SearchResult result{.name = text_at(entry, "name"),
                        .description = text_at(entry, "description"),
                        .official = flag_at(entry, "is_official")};
    if (const auto stars = entry.find("star_count");
        stars != entry.end() && stars->is_number_unsigned())
      result.stars = stars->get<std::uint64_t>();
    if (!result.name.empty()) found.push_back(std::move(result));
  }
  return found;
}

SearchResults search_catalog(RegistryEndpoint& registry, std::string_view term, std::size_t limit) {
  SearchResults results{.found = {}, .names_only = true};
  const std::string wanted = lower_case(term);
  std::size_t seen = 0;
  read_pages(registry, registry.base() + "_catalog?n=1000",
             {.what = "catalog of repositories", .brief = true, .scope = "registry:catalog:*"},
             [&](const HttpResponse& page) {
               const Json json = parse_page(page.body);
               const auto found = json.is_object() ? json.find("repositories") : json.end();
               if (found != json.end() && found->is_null()) return true;
               if (found == json.end() || !found->is_array())
                 throw Error(registry.name() + " has neither a search nor a catalog");
               for (const Json& name : *found) {
                 if (!name.is_string()) continue;
                 const auto& text = name.get_ref<const std::string&>();
                 if (lower_case(text).find(wanted) != std::string::npos)
                   results.found.push_back({.name = text, .description = {}});
                 if (results.found.size() == limit) return false;
               }
               seen += found->size();
               return seen < most_repositories;
             });
  return results;
}

}  // namespace

SearchResults search_registry(std::string_view domain, std::string_view term, std::size_t limit,
                              const Credentials& credentials,
                              const std::function<bool()>& cancelled) {
  if (limit == 0) return {};
  const bool hub = domain == "docker.io";
  RegistryPlace place = place_of(domain);
  if (hub) {
    place.host = hub_search;
    if (term.starts_with("library/")) term.remove_prefix(8);  // its official ones have no owner
  }
  RegistryEndpoint registry({.domain = std::string(domain),
                             .place = std::move(place),
                             .repository = {},
                             .credentials = credentials,
                             .registries = std::make_shared<const Registries>(Registries::load()),
                             .cancelled = cancelled,
                             .limits = {}});
  const std::string query = "/v1/search?q=" + url_encode(term) + "&n=" + std::to_string(limit);
  const RequestPurpose purpose{
      .what = "search for " + quoted(term), .may_be_absent = true, .once = !hub};
  const HttpResponse response = registry.ask({.url = registry.origin() + query}, purpose);
  if (response.succeeded())
    if (auto found = read_results(response.body, limit))
      return {.found = std::move(*found), .names_only = false};
  if (hub) throw Error(registry.name() + " gives no results for the search");
  return search_catalog(registry, term, limit);
}

}  // namespace slipway
