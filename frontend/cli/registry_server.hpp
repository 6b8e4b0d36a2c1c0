// Registries as people name them.
#pragma once

#include <string>
#include <string_view>

namespace slipway {

// What docker calls the Hub where a login is concerned.
inline constexpr std::string_view hub_server = "https://index.docker.io/v1/";

// "docker.io" for the Hub, which nothing, "index.docker.io" and `hub_server` also name; else the
// HOST or HOST:PORT of an address that may have a scheme before it and a path behind. Throws Error
// for what is no host.
std::string registry_domain(std::string_view server);

}  // namespace slipway
