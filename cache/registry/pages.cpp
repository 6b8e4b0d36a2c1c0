#include <cache/registry/pages.hpp>

#include <cache/registry/link.hpp>
#include <ir/error.hpp>

#include <optional>
#include <set>

namespace slipway {

void read_pages(RegistryEndpoint& registry, const std::string& url, const RequestPurpose& purpose,
                const std::function<bool(const HttpResponse&)>& page) {
  constexpr std::size_t most_pages = 2000;
  std::set<std::string> seen;
  std::string next = url;
  for (;;) {
    if (!seen.insert(next).second || seen.size() > most_pages)
      throw Error(registry.name() + " gives a list without an end: " + purpose.what);
    const HttpResponse response = registry.ask({.url = next}, purpose);
    if (!page(response) || response.status == 404) return;
    const auto link = next_link(response.header("link"));
    if (!link) return;
    const std::string target = registry.resolve(next, *link);
    if (!HttpClient::same_origin(target, registry.origin()))
      throw Error(registry.name() +
                  " sends to another server for the rest of a list: " + quoted(target));
    next = target;
  }
}

}  // namespace slipway
