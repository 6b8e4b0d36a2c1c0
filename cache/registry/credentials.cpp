#include <cache/registry/credentials.hpp>

#include <cache/json_bounds.hpp>
#include <cache/registry/base64.hpp>
#include <cache/registry/credential_helper.hpp>
#include <cache/registry/docker_config.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

// What docker files the Hub's login under.
constexpr std::string_view hub_key = "https://index.docker.io/v1/";

std::string key_of(std::string_view domain) {
  return std::string(domain == "docker.io" ? hub_key : domain);
}

// Keys are host names, but older tools wrote whole URLs: "https://index.docker.io/v1/".
std::string_view host_of(std::string_view key) {
  if (const std::size_t scheme = key.find("://"); scheme != std::string_view::npos) {
    key.remove_prefix(scheme + 3);
  }
  return key.substr(0, key.find('/'));
}

bool is_key_of(std::string_view key, std::string_view domain) {
  return host_of(key) == (domain == "docker.io" ? "index.docker.io" : domain) ||
         host_of(key) == domain;
}

Error malformed(std::string_view name, std::string_view why) {
  return Error(quoted(name) + " is malformed: " + std::string(why))
      .hint("log in again, or remove the file");
}

Json parse(std::string_view text, std::string_view name) {
  if (!is_modest_json(text, 64, 100'000)) throw malformed(name, "it is too large");
  // No word of the text is told: it has passwords.
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw malformed(name, "it is not JSON");
  if (!json.is_object()) throw malformed(name, "it is not a JSON object");
  return json;
}

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Credentials read(const Json& json, std::string_view domain, std::string_view name) {
  const auto auths = json.find("auths");
  if (auths == json.end() || !auths->is_object()) return {};
  for (const auto& [key, entry] : auths->items()) {
    if (!is_key_of(key, domain) || !entry.is_object()) continue;
    Credentials found{.user = text_at(entry, "username"),
                      .password = text_at(entry, "password"),
                      .identity_token = text_at(entry, "identitytoken")};
    if (const std::string packed = text_at(entry, "auth"); !packed.empty()) {
      const auto pair = decode_base64(packed);
      const std::size_t colon = pair ? pair->find(':') : std::string::npos;
      if (colon == std::string::npos) throw malformed(name, "\"auth\" of " + quoted(key));
      found.user = pair->substr(0, colon);
      found.password = pair->substr(colon + 1);
    }
    if (!found.empty()) return found;
  }
  return {};
}

// The name of the helper for the registry; empty: there is none.
std::string helper_for(const Json& json, std::string_view domain) {
  if (const auto helpers = json.find("credHelpers");
      helpers != json.end() && helpers->is_object()) {
    for (const auto& [key, name] : helpers->items())
      if (is_key_of(key, domain) && name.is_string()) return name.get<std::string>();
  }
  return text_at(json, "credsStore");
}

// Takes the registry's entries out. True: there were some.
bool remove_entries(Json& json, std::string_view domain) {
  const auto auths = json.find("auths");
  if (auths == json.end() || !auths->is_object()) return false;
  std::vector<std::string> keys;
  for (const auto& [key, entry] : auths->items())
    if (is_key_of(key, domain)) keys.push_back(key);
  for (const std::string& key : keys) auths->erase(key);
  return !keys.empty();
}

Json read_whole(const DockerConfig& config) {
  const auto text = config.read();
  return text ? parse(*text, config.file().string()) : Json::object();
}

std::string written(const Json& json) {
  return json.dump(1, '\t', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string Credentials::basic() const {
  return "Basic " + encode_base64(user + ":" + password);
}

Credentials read_credentials(std::string_view text, std::string_view domain,
                             std::string_view name) {
  return read(parse(text, name), domain, name);
}

Credentials find_credentials(std::string_view domain) {
  const std::optional<DockerConfig> config = DockerConfig::find();
  if (!config || !config->readable()) return {};
  const auto text = config->read();
  if (!text) return {};
  const std::string name = config->file().string();
  const Json json = parse(*text, name);
  const std::string helper = helper_for(json, domain);
  std::string problem;
  if (!helper.empty()) {
    try {
      if (auto found = CredentialHelper(helper).get(key_of(domain))) return std::move(*found);
    } catch (const Error& error) {
      problem = error.what();
    }
  }
  Credentials found = read(json, domain, name);
  if (found.empty()) found.problem = std::move(problem);
  return found;
}

CredentialPlace store_credentials(std::string_view domain, const Credentials& credentials) {
  DockerConfig config = DockerConfig::get();
  const DockerConfig::Lock lock = config.lock();
  Json json = read_whole(config);
  const std::string helper = helper_for(json, domain);
  Json entry = Json::object();
  if (!helper.empty()) {
    CredentialHelper(helper).store(key_of(domain), credentials);
  } else {
    entry["auth"] = encode_base64(credentials.user + ":" + credentials.password);
    if (!credentials.identity_token.empty()) entry["identitytoken"] = credentials.identity_token;
  }
  remove_entries(json, domain);
  if (const auto auths = json.find("auths"); auths == json.end() || !auths->is_object())
    json["auths"] = Json::object();
  // Empty where a helper has it: docker lists those that it is logged in to by these.
  json["auths"][key_of(domain)] = std::move(entry);
  config.replace(written(json));
  return {.file = config.file(), .helper = helper};
}

bool erase_credentials(std::string_view domain) {
  const std::optional<DockerConfig> found = DockerConfig::find();
  if (!found || !found->read()) return false;
  const DockerConfig::Lock lock = found->lock();
  Json json = read_whole(*found);
  // The file first: a helper that fails, or is gone, must not keep a password there.
  bool erased = remove_entries(json, domain);
  if (erased) found->replace(written(json));
  if (const std::string helper = helper_for(json, domain); !helper.empty()) {
    const CredentialHelper program(helper);
    if (program.get(key_of(domain))) {
      program.erase(key_of(domain));
      erased = true;
    }
  }
  return erased;
}

}  // namespace slipway
