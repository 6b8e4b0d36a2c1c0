#include <cache/registry/endpoint.hpp>

#include <cache/registry/retry_after.hpp>
#include <cache/registry/warning.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <ctime>
#include <utility>

namespace slipway {
namespace {

using namespace std::chrono_literals;

// The registry behind the name docker.io.
constexpr std::string_view docker_hub = "registry-1.docker.io";

// Of all pauses for one thing.
constexpr std::chrono::milliseconds default_patience = 120s;

std::string host_alone(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(0, host.find(']')));
  return std::string(host.substr(0, host.find(':')));
}

HostRules rules_of(const Registries& all, const std::string& domain, const RegistryPlace& place) {
  HostRules rules = all.rules(place.host);
  const bool insecure = all.settings(domain).insecure;
  rules.verify = rules.verify && !insecure;
  // Who writes http:// has said so.
  rules.plain = rules.plain || insecure || place.scheme == "http";
  return rules;
}

}  // namespace

RegistryPlace place_of(std::string_view domain) {
  return {
      .scheme = {}, .host = std::string(domain == "docker.io" ? docker_hub : domain), .prefix = {}};
}

std::optional<std::chrono::seconds> retry_after(const HttpResponse& response) {
  if (response.status != 429 && response.status != 503) return std::nullopt;
  return parse_retry_after(response.header("retry-after"), std::time(nullptr));
}

bool is_passing(const HttpResponse& response) {
  return response.status == 429 || response.status == 408 ||
         (response.status >= 500 && response.status != 501 && response.status != 505);
}

RegistryEndpoint::RegistryEndpoint(Setting setting)
    : setting_(std::move(setting)),
      own_rules_(rules_of(*setting_.registries, setting_.domain, setting_.place)),
      patience_(setting_.mirror                          ? 0ms
                : setting_.limits.first_byte.count() > 0 ? setting_.limits.first_byte
                                                         : default_patience),
      connections_(setting_.cancelled),
      authorization_({.domain = setting_.domain,
                      .host = setting_.place.host,
                      .repository = setting_.repository,
                      .credentials = setting_.credentials,
                      .send =
                          [this](const HttpRequest& request) {
                            HttpRequest limited = request;
                            limited.limits = setting_.limits;
                            Patience patience = this->patience();
                            for (;;) {
                              HttpResponse response;
                              try {
                                response = connections_.send(limited);
                              } catch (const ConnectionError& error) {
                                if (!error.broke() || !patience.again()) throw;
                                continue;
                              }
                              if (!is_passing(response) || !patience.again(retry_after(response)))
                                return response;
                            }
                          },
                      .rules = [this](const std::string& host) { return rules(host); }}) {}

std::string RegistryEndpoint::name() const {
  return (setting_.mirror ? "mirror " : "registry ") + quoted(setting_.domain);
}

// The registry's roots vouch for the places that it sends to as well, as docker has it: its token
// service, its storage. What else is set for it is for itself: our certificate, and that anybody
// may be taken for it.
HostRules RegistryEndpoint::rules(const std::string& host) const {
  if (host == setting_.place.host) return own_rules_;
  HostRules rules = setting_.registries->rules(host);
  rules.roots += own_rules_.roots;
  if (host_alone(host) == host_alone(setting_.place.host)) {
    rules.verify = rules.verify && own_rules_.verify;
    rules.plain = rules.plain || own_rules_.plain;
  }
  return rules;
}

std::string RegistryEndpoint::find_scheme() {
  if (!setting_.place.scheme.empty()) return setting_.place.scheme;
  const bool has_certificates = !own_rules_.roots.empty() || !own_rules_.certificate.empty();
  if (!own_rules_.plain)
    return is_loopback(setting_.place.host) && !has_certificates ? "http" : "https";
  // As docker does: with TLS from whomever, and where there is none without.
  HttpRequest probe{.url = "https://" + setting_.place.host + "/v2/", .limits = setting_.limits};
  probe.rules = [this](const std::string& host) { return rules(host); };
  probe.redirects = false;
  try {
    connections_.send(probe);
    return "https";
  } catch (const ConnectionError&) {
    if (cancelled()) throw;
    return "http";
  }
}

std::string RegistryEndpoint::origin() {
  const std::lock_guard lock(mutex_);
  if (scheme_.empty()) scheme_ = find_scheme();
  return scheme_ + "://" + setting_.place.host;
}

std::string RegistryEndpoint::base() {
  return origin() + "/v2/" + (setting_.repository.empty() ? "" : setting_.repository + "/");
}

AccessScopes RegistryEndpoint::scopes(const RequestPurpose& purpose) const {
  if (!purpose.scope.empty()) return {purpose.scope};
  if (setting_.repository.empty()) return {};
  AccessScopes scopes = {"repository:" + setting_.repository +
                         (purpose.push ? ":pull,push" : ":pull")};
  if (!purpose.from.empty()) scopes.push_back("repository:" + purpose.from + ":pull");
  return scopes;
}

HttpResponse RegistryEndpoint::once(HttpRequest& request, const RequestPurpose& purpose,
                                    const ByteSink& sink) {
  // Where an upload goes is the registry's word; credentials stay with the registry.
  const std::string home = origin();
  const bool authorized = HttpClient::same_origin(request.url, home);
  const AccessScopes wanted = scopes(purpose);
  if (authorized) request.authorization = authorization_.value(wanted);
  HttpResponse response = connections_.send(request, sink);
  // Once: a token that was just given and is refused will be refused again.
  if (response.status == 401 && authorized && HttpClient::same_origin(response.url, home) &&
      authorization_.renew(response, wanted, request.authorization)) {
    request.authorization = authorization_.value(wanted);
    response = connections_.send(request, sink);
  }
  keep_warnings(response);
  return response;
}

void RegistryEndpoint::keep_warnings(const HttpResponse& response) {
  constexpr std::size_t most = 4096;  // bytes, as the specification has it
  const auto [from, to] = response.headers.equal_range("warning");
  for (auto header = from; header != to; ++header) {
    for (std::string& text : parse_warnings(header->second)) {
      const std::lock_guard lock(mutex_);
      std::size_t size = text.size();
      for (const std::string& other : warnings_) size += other.size();
      if (size <= most && std::find(warnings_.begin(), warnings_.end(), text) == warnings_.end())
        warnings_.push_back(std::move(text));
    }
  }
}

std::vector<std::string> RegistryEndpoint::warnings() const {
  const std::lock_guard lock(mutex_);
  return warnings_;
}

HttpResponse RegistryEndpoint::ask(HttpRequest request, const RequestPurpose& purpose,
                                   const ByteSink& sink) {
  request.limits = setting_.limits;
  if (purpose.brief) request.limits.whole = 3 * setting_.limits.first_byte;
  request.rules = [this](const std::string& host) { return rules(host); };
  Patience patience = this->patience();
  for (;;) {
    HttpResponse response;
    try {
      response = once(request, purpose, sink);
    } catch (const ConnectionError& error) {
      if (sink || purpose.once || !error.broke() || !patience.again()) throw;
      continue;
    }
    if (response.succeeded() || purpose.once || (response.status == 404 && purpose.may_be_absent))
      return response;
    // 400: "provided digest did not match uploaded content", of a document that was read
    // half-written. Registries that keep what they have in files fail to read or write a tag, or
    // what refers to a blob, while another client writes the same.
    const bool passing = is_passing(response) || (response.status == 400 && purpose.may_collide);
    if (!passing || !patience.again(retry_after(response))) refuse(response, purpose);
  }
}

std::string RegistryEndpoint::resolve(const std::string& from, const std::string& link) const {
  return HttpClient::resolve(from, link, name(),
                             [this](const std::string& host) { return rules(host); });
}

std::string RegistryEndpoint::location(const HttpResponse& response) const {
  std::string place = resolve(response.url, response.header("location"));
  place.resize(std::min(place.find('#'), place.size()));
  return place;
}

void RegistryEndpoint::refuse(const HttpResponse& response, const RequestPurpose& purpose) const {
  const std::string registry = name();
  const std::string reason = reason_in(response.body);
  const auto refusal = [&](const std::string& what) {
    return Error(registry + " " + what + reason);
  };
  const long status = response.status;
  switch (status) {
    case 401:
    case 403:
      throw RegistryRefusal(
          refusal(std::string("denies ") + (purpose.push ? "writing" : "access") + " to " +
                  quoted(setting_.repository.empty() ? purpose.what : setting_.repository))
              .hint(authorization_.hint()),
          status);
    case 404:
      throw RegistryRefusal(refusal("has no " + purpose.what).hint("check the name and the tag"),
                            status);
    case 405:
      throw RegistryRefusal(refusal("does not take " + purpose.what)
                                .hint("it may be read-only, or a mirror of another registry"),
                            status);
    case 413:
      throw RegistryRefusal(refusal("takes nothing as large as " + purpose.what)
                                .hint("raise the limit of the registry, or of the proxy before it"),
                            status);
    case 429: {
      const auto pause = retry_after(response);
      throw RegistryRefusal(
          refusal("answers that there were too many requests")
              .hint((pause && pause->count() > 0
                         ? "it asks for a pause of " + std::to_string(pause->count()) + " s: wait"
                         : std::string("wait")) +
                    ", or log in to it: most registries allow more then"),
          status);
    }
    default: {
      Error error =
          refusal("answers with status " + std::to_string(status) + " for " + purpose.what);
      // As servers say it who were spoken to without TLS.
      if (status == 400 && response.url.starts_with("http://") &&
          response.body.find("HTTPS") != std::string::npos)
        error.hint("it speaks TLS: put its authority's certificate into ~/.docker/certs.d/" +
                   setting_.place.host + "/ca.crt");
      throw RegistryRefusal(std::move(error), status);
    }
  }
}

}  // namespace slipway
