#include <cache/registry/login.hpp>

#include <cache/registry/endpoint.hpp>
#include <ir/error.hpp>

#include <memory>
#include <string>

namespace slipway {

std::optional<Credentials> log_in(std::string_view domain, const Credentials& credentials,
                                  const std::function<bool()>& cancelled) {
  RegistryEndpoint registry({.domain = std::string(domain),
                             .place = place_of(domain),
                             .repository = {},
                             .credentials = credentials,
                             .registries = std::make_shared<const Registries>(Registries::load()),
                             .cancelled = cancelled,
                             .limits = {}});
  registry.authorization().ask_for_identity_token();
  try {
    registry.ask({.url = registry.base()}, {.what = "registry's root"});
  } catch (const RegistryRefusal& refusal) {
    if (refusal.status() == 401 || refusal.status() == 403) return std::nullopt;
    throw;
  }
  Credentials kept = credentials;
  kept.problem.clear();
  if (std::string token = registry.authorization().identity_token();
      !token.empty() && credentials.identity_token.empty()) {
    kept.identity_token = std::move(token);
    kept.password.clear();
  }
  return kept;
}

}  // namespace slipway
