// Which repositories a registry has: the Hub's search, what other registries have of it, and the
// catalog of those that have none.
#pragma once

#include <cache/registry/credentials.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct SearchResult {
  std::string name;  // as the registry has it: without its domain
  std::string description;
  std::uint64_t stars = 0;
  bool official = false;
  bool operator==(const SearchResult&) const = default;
};

struct SearchResults {
  std::vector<SearchResult> found;  // in the registry's order
  // Names alone were compared, since the registry has no search: descriptions and stars are
  // unknown.
  bool names_only = false;
};

// At most `limit` repositories of the registry `domain` ("docker.io": the Hub) for `term`, which
// may be empty. Asks /v1/search, and where a registry has none its catalog (distribution-spec,
// "Content Discovery"; _catalog is docker's), whose names are held against the term. The texts are
// the registry's: show them through quoted() or as printable(). `cancelled` as in HttpClient.
// Throws Error with a hint.
SearchResults search_registry(std::string_view domain, std::string_view term, std::size_t limit,
                              const Credentials& credentials,
                              const std::function<bool()>& cancelled = {});

}  // namespace slipway
