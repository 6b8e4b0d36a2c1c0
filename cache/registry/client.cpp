#include <cache/registry/client.hpp>

#include <cache/registry/challenge.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view accepted_manifests =
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

// The registry behind the name docker.io.
constexpr std::string_view docker_hub = "registry-1.docker.io";

std::string base_url(const Reference& name) {
  const std::string host = name.domain == "docker.io" ? std::string(docker_hub) : name.domain;
  return (is_loopback(host) ? "http://" : "https://") + host + "/v2/" + name.repository + "/";
}

bool succeeded(const HttpResponse& response) {
  return response.status >= 200 && response.status < 300;
}

// 400: "provided digest did not match uploaded content", of a document that was read half-written.
bool is_collision(const HttpResponse& response) {
  return response.status == 400 || response.status >= 500;
}

// "application/json; charset=utf-8" without what follows the type.
std::string bare_type(std::string type) {
  type.resize(std::min(type.find(';'), type.size()));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  return type;
}

// What the registry says about its refusal (distribution-spec, "Error Codes").
std::string reason_in(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return {};
  const auto errors = json.find("errors");
  if (errors == json.end() || !errors->is_array() || errors->empty()) return {};
  const auto& first = errors->front();
  if (!first.is_object()) return {};
  for (const char* key : {"message", "code"}) {
    const auto found = first.find(key);
    if (found != first.end() && found->is_string() && !found->get<std::string>().empty()) {
      return ": " + quoted(found->get<std::string>());
    }
  }
  return {};
}

}  // namespace

RegistryClient::RegistryClient(const Reference& name, Credentials credentials,
                               std::function<bool()> cancelled, HttpLimits limits)
    : domain_(name.domain),
      repository_(name.repository),
      base_(base_url(name)),
      credentials_(std::move(credentials)),
      limits_(limits),
      connections_(std::move(cancelled)) {}

std::string RegistryClient::fetch_token(const std::string& realm, const std::string& service,
                                        const std::string& scope) {
  HttpRequest request;
  request.role = "token service";
  request.limits = limits_;
  // The realm is the registry's word. Credentials go there, so never in plain text to a place that
  // is not this machine.
  const std::size_t host = realm.find("://");
  if (host == std::string::npos ||
      (!realm.starts_with("https://") && !(realm.starts_with("http://") && is_loopback(domain_) &&
                                           is_loopback(realm.substr(7, realm.find('/', 7) - 7))))) {
    throw Error("registry " + quoted(domain_) + " sends to " + quoted(realm) +
                " for a token, which is not an HTTPS address");
  }
  const std::string query = "service=" + url_encode(service) + "&scope=" + url_encode(scope);
  if (!credentials_.identity_token.empty()) {
    request.url = realm;
    request.form = "grant_type=refresh_token&client_id=slipway&refresh_token=" +
                   url_encode(credentials_.identity_token) + "&" + query;
  } else {
    request.url = realm + (realm.find('?') == std::string::npos ? "?" : "&") + query;
    if (!credentials_.empty()) request.authorization = credentials_.basic();
  }
  const HttpResponse response = connections_.send(request);
  if (response.status == 401 || response.status == 403) {
    throw Error("registry " + quoted(domain_) + " denies access to " + quoted(repository_) +
                reason_in(response.body))
        .hint(credentials_.empty() ? "log in to it with `docker login`, if the name is right"
                                   : "check the login in ~/.docker/config.json");
  }
  if (response.status != 200) {
    throw Error("the token service of registry " + quoted(domain_) + " answers with status " +
                std::to_string(response.status) + reason_in(response.body));
  }
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  for (const char* key : {"token", "access_token"}) {
    if (!json.is_object()) break;
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string()) continue;
    const auto token = found->get<std::string>();
    const bool printable =
        std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7F; });
    if (!token.empty() && printable) return token;
  }
  throw Error("the token service of registry " + quoted(domain_) + " gives no token");
}

bool RegistryClient::authorize(const HttpResponse& refusal, bool push) {
  std::vector<Challenge> challenges;
  const auto [from, to] = refusal.headers.equal_range("www-authenticate");
  for (auto header = from; header != to; ++header) {
    const auto found = parse_challenges(header->second);
    challenges.insert(challenges.end(), found.begin(), found.end());
  }
  const auto value = [](const Challenge& challenge, const char* name) {
    const auto found = challenge.values.find(name);
    return found == challenge.values.end() ? std::string() : found->second;
  };
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme != "bearer") continue;
    std::string scope = value(challenge, "scope");
    if (scope.empty()) scope = "repository:" + repository_ + (push ? ":pull,push" : ":pull");
    const std::string token =
        fetch_token(value(challenge, "realm"), value(challenge, "service"), scope);
    const std::lock_guard lock(mutex_);
    authorization_ = "Bearer " + token;
    return true;
  }
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme != "basic" || credentials_.user.empty()) continue;
    const std::lock_guard lock(mutex_);
    authorization_ = credentials_.basic();
    return true;
  }
  return false;
}

HttpResponse RegistryClient::request(HttpRequest request, const Purpose& purpose,
                                     const ByteSink& sink) {
  // Where an upload goes is the registry's word; credentials stay with the registry.
  const bool authorized = HttpClient::same_origin(request.url, base_);
  const auto send = [&] {
    if (authorized) {
      const std::lock_guard lock(mutex_);
      request.authorization = authorization_;
    }
    return connections_.send(request, sink);
  };
  request.limits = limits_;
  if (purpose.brief) request.limits.whole = 3 * limits_.first_byte;
  HttpResponse response = send();
  // Once: a token that was just given and is refused will be refused again.
  if (response.status == 401 && authorized && authorize(response, purpose.push)) response = send();
  if (succeeded(response) || (response.status == 404 && purpose.may_be_absent)) return response;
  if (purpose.may_collide && is_collision(response)) return response;
  if (!request.upload && response.status >= 500) return insist(purpose, send);
  refuse(response, purpose);
}

// Registries that keep what they have in files fail to read or write a tag, or what refers to a
// blob, while another client writes the same.
HttpResponse RegistryClient::insist(const Purpose& purpose,
                                    const std::function<HttpResponse()>& attempt) const {
  static constexpr std::array pauses = {50ms, 150ms, 500ms};
  for (std::size_t tries = 0;; ++tries) {
    HttpResponse response = attempt();
    if (succeeded(response) || (response.status == 404 && purpose.may_be_absent)) return response;
    if (!is_collision(response) || tries == pauses.size()) refuse(response, purpose);
    std::this_thread::sleep_for(pauses[tries]);
  }
}

void RegistryClient::refuse(const HttpResponse& response, const Purpose& purpose) const {
  const std::string registry = "registry " + quoted(domain_);
  const std::string reason = reason_in(response.body);
  switch (response.status) {
    case 401:
    case 403:
      throw Error(registry + " denies " + (purpose.push ? "writing" : "access") + " to " +
                  quoted(repository_) + reason)
          .hint(credentials_.empty() ? "log in to it with `docker login`, if the name is right"
                                     : "check the login in ~/.docker/config.json");
    case 404:
      throw Error(registry + " has no " + purpose.what + reason).hint("check the name and the tag");
    case 405:
      throw Error(registry + " does not take " + purpose.what + reason)
          .hint("it may be read-only, or a mirror of another registry");
    case 413:
      throw Error(registry + " takes nothing as large as " + purpose.what + reason)
          .hint("raise the limit of the registry, or of the proxy before it");
    case 429:
      throw Error(registry + " answers that there were too many requests" + reason)
          .hint("wait, or log in to it: most registries allow more then");
    default:
      throw Error(registry + " answers with status " + std::to_string(response.status) + " for " +
                  purpose.what + reason);
  }
}

std::optional<RegistryClient::Document> RegistryClient::document(const std::string& name,
                                                                 const Purpose& purpose) {
  Document document;
  const ByteSink sink = [&](std::span<const std::byte> bytes) {
    if (document.bytes.size() + bytes.size() > max_manifest_size) {
      throw Error("the manifest of " + purpose.what + " is larger than " +
                  std::to_string(max_manifest_size) + " bytes");
    }
    document.bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  HttpRequest asked{.url = base_ + "manifests/" + name};
  asked.headers.emplace_back("Accept", accepted_manifests);
  const HttpResponse response = request(std::move(asked), purpose, sink);
  if (response.status == 404) return std::nullopt;
  document.media_type = bare_type(response.header("content-type"));
  document.digest = sha256(document.bytes);
  return document;
}

RegistryClient::Document RegistryClient::manifest(const Reference& name) {
  const std::string what = "image " + quoted(name.familiar());
  Document found = document(name.digest ? name.digest->text() : name.tag, {.what = what}).value();
  if (name.digest && found.digest != *name.digest) {
    throw Error("registry " + quoted(domain_) + " gives another manifest than asked for: " +
                found.digest.text() + " instead of " + name.digest->text());
  }
  return found;
}

RegistryClient::Document RegistryClient::manifest(const BlobDescriptor& expected) {
  Document found =
      document(expected.digest.text(), {.what = "manifest " + expected.digest.text()}).value();
  if (found.digest != expected.digest || found.bytes.size() != expected.size) {
    throw Error("registry " + quoted(domain_) + " gives another manifest than its index names: " +
                found.digest.text() + " instead of " + expected.digest.text());
  }
  // The index is what was chosen from, so its word counts.
  if (!expected.media_type.empty()) found.media_type = expected.media_type;
  return found;
}

std::optional<RegistryClient::Document> RegistryClient::find_manifest(const std::string& tag) {
  return document(tag, {.what = "tag " + quoted(tag), .may_be_absent = true, .brief = true});
}

std::string RegistryClient::small_blob(const BlobDescriptor& expected, std::uint64_t limit) {
  if (expected.size > limit) {
    throw Error("the blob " + expected.digest.text() +
                " is too large for what it is: " + std::to_string(expected.size) + " bytes");
  }
  std::string bytes;
  blob(expected, [&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  if (sha256(bytes) != expected.digest) {
    throw Error("registry " + quoted(domain_) + " gives other bytes for the blob " +
                expected.digest.text());
  }
  return bytes;
}

void RegistryClient::blob(const BlobDescriptor& expected, const ByteSink& sink) {
  if (find_blob(expected, sink)) return;
  throw Error("registry " + quoted(domain_) + " has no blob " + expected.digest.text())
      .hint("check the name and the tag");
}

bool RegistryClient::find_blob(const BlobDescriptor& expected, const ByteSink& sink) {
  std::uint64_t received = 0;
  const auto wrong_size = [&] {
    return Error("registry " + quoted(domain_) + " gives " +
                 (received > expected.size ? "more" : "fewer") + " bytes for the blob " +
                 expected.digest.text() + " than the " + std::to_string(expected.size) +
                 " its manifest names");
  };
  const HttpResponse response =
      request({.url = base_ + "blobs/" + expected.digest.text()},
              {.what = "blob " + expected.digest.text(), .may_be_absent = true},
              [&](std::span<const std::byte> bytes) {
                received += bytes.size();
                if (received > expected.size) throw wrong_size();
                sink(bytes);
              });
  if (response.status == 404) return false;
  if (received != expected.size) throw wrong_size();
  return true;
}

}  // namespace slipway
