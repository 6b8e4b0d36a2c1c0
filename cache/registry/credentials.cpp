#include <cache/registry/credentials.hpp>

#include <cache/registry/base64.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

namespace slipway {
namespace {

// Keys are host names, but older tools wrote whole URLs: "https://index.docker.io/v1/".
std::string_view host_of(std::string_view key) {
  if (const std::size_t scheme = key.find("://"); scheme != std::string_view::npos) {
    key.remove_prefix(scheme + 3);
  }
  return key.substr(0, key.find('/'));
}

std::filesystem::path config_file() {
  if (const char* folder = std::getenv("DOCKER_CONFIG"); folder != nullptr && *folder != '\0') {
    return std::filesystem::path(folder) / "config.json";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::filesystem::path(home) / ".docker" / "config.json";
  }
  return {};
}

}  // namespace

std::string Credentials::basic() const { return "Basic " + encode_base64(user + ":" + password); }

Credentials read_credentials(std::string_view text, std::string_view domain,
                             std::string_view name) {
  const auto malformed = [&](std::string_view why) {
    return Error(quoted(name) + " is malformed: " + std::string(why))
        .hint("log in again, or remove the file");
  };
  try {
    const auto json = nlohmann::json::parse(text);
    if (!json.is_object()) throw malformed("it is not a JSON object");
    const auto auths = json.find("auths");
    if (auths == json.end() || !auths->is_object()) return {};
    const std::string_view wanted = domain == "docker.io" ? "index.docker.io" : domain;
    for (const auto& [key, entry] : auths->items()) {
      if (host_of(key) != wanted && host_of(key) != domain) continue;
      if (!entry.is_object()) continue;
      Credentials found;
      found.identity_token = entry.value("identitytoken", std::string());
      found.user = entry.value("username", std::string());
      found.password = entry.value("password", std::string());
      if (const std::string packed = entry.value("auth", std::string()); !packed.empty()) {
        const auto pair = decode_base64(packed);
        const std::size_t colon = pair ? pair->find(':') : std::string::npos;
        if (colon == std::string::npos) throw malformed("\"auth\" of " + quoted(key));
        found.user = pair->substr(0, colon);
        found.password = pair->substr(colon + 1);
      }
      if (!found.empty()) return found;
    }
    return {};
  } catch (const nlohmann::json::exception& error) {
    throw malformed(quoted(error.what()));
  }
}

Credentials find_credentials(std::string_view domain) {
  const std::filesystem::path path = config_file();
  std::ifstream file(path, std::ios::binary);
  if (path.empty() || !file) return {};
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return read_credentials(text, domain, path.string());
}

}  // namespace slipway
