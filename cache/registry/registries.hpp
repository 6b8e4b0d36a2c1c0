// What is set for registries: mirrors, and those that are spoken to without verified TLS, by a file
// of ours; certificates by docker's folders.
#pragma once

#include <cache/registry/http.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// A place that serves repositories: "https://mirror.example:5000/prefix".
struct RegistryPlace {
  std::string scheme;  // "https" or "http"; empty: not said
  std::string host;    // with the port, if one is named
  std::string prefix;  // before the repository's name; empty, or with a slash at its end
  bool operator==(const RegistryPlace&) const = default;
};

struct RegistrySettings {
  std::vector<RegistryPlace> mirrors;
  bool insecure = false;
};

// By the registry's domain, "docker.io" or "registry.example:5000".
using RegistryTable = std::map<std::string, RegistrySettings, std::less<>>;

// Reads such a file, called `name` in messages (README.md has an example). Total and bounded.
// Throws Error, also for members that mean nothing: a mistyped word must not leave a registry
// unprotected.
RegistryTable read_registries(std::string_view json, std::string_view name);

// Immutable once made.
class Registries {
 public:
  // $SLIPWAY_REGISTRIES, a file that has to be there; else /etc/slipway/registries.json and
  // $XDG_CONFIG_HOME/slipway/registries.json (~/.config), whose word on a registry counts, where
  // they are there. Certificates from /etc/docker/certs.d, and from certs.d of $DOCKER_CONFIG or
  // ~/.docker.
  static Registries load();
  // For tests: the later of the folders counts where both name a client's certificate.
  Registries(RegistryTable table, std::vector<std::filesystem::path> certificates)
      : table_(std::move(table)), certificates_(std::move(certificates)) {}

  const RegistrySettings& settings(std::string_view domain) const;
  // How a host ("registry.example:5000") is spoken to: by its own settings, and its folder of
  // certificates (docker's certs.d/HOST: *.crt are roots, the first *.cert with its *.key is
  // ours). Throws Error for a certificate without its key, and for files that cannot be read.
  HostRules rules(const std::string& host) const;

 private:
  RegistryTable table_;
  std::vector<std::filesystem::path> certificates_;
};

}  // namespace slipway
