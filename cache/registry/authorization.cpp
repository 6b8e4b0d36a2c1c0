#include <cache/registry/authorization.hpp>

#include <cache/json_bounds.hpp>
#include <cache/registry/challenge.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

using namespace std::chrono_literals;

// What a token is good for where the service does not say (token.md, "expires_in"), and how long
// before its end it is not used any more: a request takes a while to get there.
constexpr std::chrono::seconds shortest_life = 60s;
constexpr std::chrono::seconds longest_life = std::chrono::hours(24);
constexpr std::chrono::seconds margin = 10s;

nlohmann::json parse_answer(const std::string& body) {
  if (!is_modest_json(body, 32, 1000)) return nullptr;
  return nlohmann::json::parse(body, nullptr, false);
}

std::string text_at(const nlohmann::json& json, const char* key) {
  if (!json.is_object()) return {};
  const auto found = json.find(key);
  return found == json.end() || !found->is_string() ? std::string() : found->get<std::string>();
}

// A token goes into a header, and into a file where it is an identity token.
bool is_printable(const std::string& token) {
  return !token.empty() &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

std::string value_of(const Challenge& challenge, const char* name) {
  const auto found = challenge.values.find(name);
  return found == challenge.values.end() ? std::string() : found->second;
}

// Several may stand in one text, with blanks between.
void add_scopes(AccessScopes& scopes, const std::string& text) {
  constexpr std::size_t most = 16;
  for (std::size_t at = 0; at < text.size() && scopes.size() < most;) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string scope = text.substr(at, end - at);
    if (!scope.empty() && std::find(scopes.begin(), scopes.end(), scope) == scopes.end())
      scopes.push_back(scope);
    at = end + 1;
  }
}

}  // namespace

std::string reason_in(const std::string& body) {
  const auto json = parse_answer(body);
  if (!json.is_object()) return {};
  const auto errors = json.find("errors");
  if (errors != json.end() && errors->is_array() && !errors->empty()) {
    for (const char* key : {"message", "code"})
      if (const std::string text = text_at(errors->front(), key); !text.empty())
        return ": " + quoted(text);
  }
  // As token services have it: docker's, and OAuth 2's.
  for (const char* key : {"details", "error_description"})
    if (const std::string text = text_at(json, key); !text.empty()) return ": " + quoted(text);
  return {};
}

std::string RegistryAuthorization::hint() const {
  const Credentials& credentials = setting_.credentials;
  if (!credentials.problem.empty()) return credentials.problem;
  return credentials.empty() ? "log in to it with `slipway login`, if the name is right"
                             : "check the login: log in to it again with `slipway login`";
}

std::string RegistryAuthorization::identity_token() const {
  const std::lock_guard lock(mutex_);
  return identity_token_;
}

std::string RegistryAuthorization::value(const AccessScopes& scopes) {
  const std::lock_guard lock(mutex_);
  if (basic_) return setting_.credentials.basic();
  if (!bearer_) return {};
  const auto found = tokens_.find(scopes);
  if (found != tokens_.end() && std::chrono::steady_clock::now() < found->second.until)
    return "Bearer " + found->second.text;
  Token token = fetch(found == tokens_.end() ? scopes : found->second.scopes);
  return "Bearer " + (tokens_[scopes] = std::move(token)).text;
}

bool RegistryAuthorization::renew(const HttpResponse& refusal, const AccessScopes& scopes,
                                  const std::string& used) {
  std::vector<Challenge> challenges;
  const auto [from, to] = refusal.headers.equal_range("www-authenticate");
  for (auto header = from; header != to; ++header) {
    const auto found = parse_challenges(header->second);
    challenges.insert(challenges.end(), found.begin(), found.end());
  }
  const std::lock_guard lock(mutex_);
  // Another thread was refused as well, and has seen to it.
  if (const auto found = tokens_.find(scopes);
      found != tokens_.end() && "Bearer " + found->second.text != used)
    return true;
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme != "bearer") continue;
    realm_ = value_of(challenge, "realm");
    service_ = value_of(challenge, "service");
    bearer_ = true;
    AccessScopes wanted;
    add_scopes(wanted, value_of(challenge, "scope"));
    if (wanted.empty()) wanted = scopes;
    // It asks for what the repository needs, and knows nothing of another one to read from.
    for (std::size_t i = 1; i < scopes.size(); ++i) add_scopes(wanted, scopes[i]);
    tokens_[scopes] = fetch(wanted);
    return true;
  }
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme != "basic" || setting_.credentials.user.empty()) continue;
    if (std::exchange(basic_, true) && used == setting_.credentials.basic()) return false;
    return true;
  }
  return false;
}

// The realm is the registry's word. Credentials go there, so never in plain text to a place that is
// not this machine, unless the configuration says that this registry is spoken to that way.
void RegistryAuthorization::check_realm() const {
  bool fit = realm_.starts_with("https://");
  if (realm_.starts_with("http://")) {
    const std::string host = HttpClient::host_of(realm_);
    fit = (is_loopback(host) && is_loopback(setting_.host)) || setting_.rules(host).plain;
  }
  if (fit) return;
  throw Error("registry " + quoted(setting_.domain) + " sends to " + quoted(realm_) +
              " for a token, which is not an HTTPS address");
}

HttpResponse RegistryAuthorization::ask_service(const AccessScopes& scopes) {
  const Credentials& credentials = setting_.credentials;
  HttpRequest request;
  request.role = "token service";
  request.rules = setting_.rules;
  request.url = realm_;
  std::string joined;
  for (const std::string& scope : scopes) joined += (joined.empty() ? "" : " ") + scope;
  const std::string rest = "&service=" + url_encode(service_) +
                           (scopes.empty() ? std::string() : "&scope=" + url_encode(joined));
  if (!credentials.identity_token.empty()) {
    request.form = "grant_type=refresh_token&client_id=slipway&refresh_token=" +
                   url_encode(credentials.identity_token) + rest;
    return setting_.send(request);
  }
  request.url += (realm_.find('?') == std::string::npos ? "?" : "&");
  request.url += "service=" + url_encode(service_);
  for (const std::string& scope : scopes) request.url += "&scope=" + url_encode(scope);
  if (!credentials.empty()) {
    request.authorization = credentials.basic();
    if (offline_)
      request.url +=
          "&offline_token=true&client_id=slipway&account=" + url_encode(credentials.user);
  }
  HttpResponse response = setting_.send(request);
  if (credentials.empty() || (response.status != 404 && response.status != 405)) return response;
  // It speaks OAuth 2 alone.
  request.url = realm_;
  request.authorization.clear();
  request.form = "grant_type=password&client_id=slipway&username=" + url_encode(credentials.user) +
                 "&password=" + url_encode(credentials.password) +
                 (offline_ ? "&access_type=offline" : "") + rest;
  return setting_.send(request);
}

RegistryAuthorization::Token RegistryAuthorization::fetch(const AccessScopes& scopes) {
  check_realm();
  const HttpResponse response = ask_service(scopes);
  const std::string registry = "registry " + quoted(setting_.domain);
  if (response.status == 401 || response.status == 403 ||
      (response.status == 400 && !setting_.credentials.empty())) {
    const std::string to =
        setting_.repository.empty() ? std::string() : " to " + quoted(setting_.repository);
    throw RegistryRefusal(
        Error(registry + " denies access" + to + reason_in(response.body)).hint(hint()),
        response.status);
  }
  if (response.status != 200) {
    throw Error("the token service of " + registry + " answers with status " +
                std::to_string(response.status) + reason_in(response.body));
  }
  const auto json = parse_answer(response.body);
  if (const std::string refresh = text_at(json, "refresh_token"); is_printable(refresh))
    identity_token_ = refresh;
  std::chrono::seconds life = shortest_life;
  if (const auto found = json.is_object() ? json.find("expires_in") : json.end();
      found != json.end() && found->is_number_unsigned() &&
      found->get<std::uint64_t>() > static_cast<std::uint64_t>(shortest_life.count()))
    life = std::chrono::seconds(std::min<std::uint64_t>(
        found->get<std::uint64_t>(), static_cast<std::uint64_t>(longest_life.count())));
  for (const char* key : {"token", "access_token"}) {
    if (const std::string token = text_at(json, key); is_printable(token))
      return {.text = token,
              .scopes = scopes,
              .until = std::chrono::steady_clock::now() + life - margin};
  }
  throw Error("the token service of " + registry + " gives no token");
}

}  // namespace slipway
