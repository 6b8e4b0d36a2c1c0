// slipway search: which repositories a registry has.
#include "command.hpp"
#include "print.hpp"
#include "registry_server.hpp"
#include "rows.hpp"
#include "table.hpp"

#include <cache/registry/credentials.hpp>
#include <cache/registry/search.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr int standard_limit = 25;
constexpr int most_results = 100;
constexpr std::size_t longest_description = 45;

struct Request {
  std::string term;
  std::vector<std::string> filters;
  std::string format;
  int limit = 0;
  bool no_trunc = false;
};

struct Wanted {
  std::optional<bool> official;
  bool automated = false;  // docker's, which nothing is any more
  std::uint64_t stars = 0;
  bool any_stars = true;
};

bool truth_of(const std::string& key, const std::string& value) {
  if (const std::optional<bool> truth = read_boolean(value)) return *truth;
  throw Error("--filter " + key + "=" + quoted(value) + " is neither true nor false")
      .hint(key + "=true");
}

Wanted read_filters(const std::vector<std::string>& filters) {
  Wanted wanted;
  for (const std::string& filter : filters) {
    const std::size_t equals = filter.find('=');
    const std::string key = filter.substr(0, equals);
    const std::string value = equals == filter.npos ? "" : filter.substr(equals + 1);
    if (key == "stars") {
      const std::optional<std::uint32_t> stars = read_number(value, 10);
      if (!stars) throw Error("--filter stars=" + quoted(value) + " is no number").hint("stars=10");
      wanted.stars = std::max<std::uint64_t>(wanted.stars, *stars);
      wanted.any_stars = false;
    } else if (key == "is-official") {
      wanted.official = truth_of(key, value);
    } else if (key == "is-automated") {
      wanted.automated = truth_of(key, value);
      std::fputs(
          "WARNING: the filter \"is-automated\" is deprecated: nothing is automated any more\n",
          stderr);
    } else {
      throw Error("--filter " + quoted(key) + " is not known")
          .hint(did_you_mean(key, {"stars", "is-official"}, "stars or is-official"));
    }
  }
  return wanted;
}

// The registry, "docker.io" for none, and what stands behind it.
std::pair<std::string, std::string> split_term(const std::string& term) {
  if (term.find("://") != term.npos)
    throw Error(quoted(term) + " has a scheme").hint("leave out what stands before \"//\"");
  const std::size_t slash = term.find('/');
  const std::string first = term.substr(0, slash);
  const bool named =
      slash != term.npos && (first.find_first_of(".:") != first.npos || first == "localhost");
  if (!named) return {"docker.io", term};
  return {registry_domain(first), term.substr(slash + 1)};
}

std::string description_of(const SearchResult& result, bool whole) {
  std::string text = result.description;
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return whole ? text : shortened(text, longest_description);
}

int search(const Request& request) {
  const int limit = request.limit == 0 ? standard_limit : request.limit;
  if (limit < 1 || limit > most_results)
    throw Error("--limit " + std::to_string(request.limit) + " is not from 1 to 100");
  const Wanted wanted = read_filters(request.filters);
  Rows rows(request.format, "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}",
            {{"Name", "NAME"},
             {"Description", "DESCRIPTION"},
             {"StarCount", "STARS"},
             {"IsOfficial", "OFFICIAL"}});
  const auto [domain, term] = split_term(request.term);
  const bool hub = domain == "docker.io";
  SearchResults results;
  if (!wanted.automated)
    results =
        search_registry(domain, term, static_cast<std::size_t>(limit), find_credentials(domain));
  if (results.names_only && (!wanted.any_stars || wanted.official))
    std::fputs(
        ("note: " + domain + " has a list of names only: no stars, and nothing official\n").c_str(),
        stderr);
  for (const SearchResult& result : results.found) {
    if (wanted.official && *wanted.official != result.official) continue;
    if (result.stars < wanted.stars) continue;
    const char* official =
        rows.is_json() ? (result.official ? "true" : "false") : (result.official ? "[OK]" : "");
    rows.add(make_record({{"Description", description_of(result, request.no_trunc)},
                          {"IsOfficial", official},
                          // As it is pulled.
                          {"Name", hub ? result.name : domain + "/" + result.name},
                          {"StarCount", std::to_string(result.stars)}}));
  }
  print(rows.text());
  return 0;
}

}  // namespace

std::function<int()> declare_search(CLI::App& app, const Globals&) {
  auto request = std::make_shared<Request>();
  app.description(
      "Searches the Docker Hub for repositories, or the registry that the term begins with. Where "
      "a "
      "registry has no search its list of names is looked through.");
  app.add_option("term", request->term, "what to look for: [HOST[:PORT]/]TERM")
      ->required()
      ->type_name("TERM");
  add_filter_flag(app, request->filters, "stars=NUMBER at least, is-official=true|false");
  add_format_flag(app, request->format);
  app.add_option("--limit", request->limit, "how many results at most, 1 to 100 (25)")
      ->type_name("NUMBER");
  app.add_flag("--no-trunc", request->no_trunc, "show descriptions whole");
  app.footer(R"(
Examples:
  slipway search busybox
  slipway search --filter is-official=true --filter stars=3 busybox
  slipway search localhost:5000/            all that the registry has
  slipway search --format '{{.Name}}: {{.StarCount}}' nginx

Fields: Name, Description, StarCount, IsOfficial.
)");
  return [request] { return search(*request); };
}

}  // namespace slipway
