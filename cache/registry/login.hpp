// Whether a registry takes credentials.
#pragma once

#include <cache/registry/credentials.hpp>

#include <functional>
#include <optional>
#include <string_view>

namespace slipway {

// Asks the registry `domain` ("docker.io": the Hub) for its root with them, or its token service
// for a token. Nothing: they are refused. Else those to keep: an identity token in place of the
// password where the token service gave one. `cancelled` as in HttpClient. Throws Error with a hint
// if the registry does not answer.
std::optional<Credentials> log_in(std::string_view domain, const Credentials& credentials,
                                  const std::function<bool()>& cancelled = {});

}  // namespace slipway
