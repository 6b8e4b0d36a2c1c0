// What a registry wants to see before it answers: a login, or a token that its token service gives
// for one (distribution's docs/spec/auth/token.md and oauth.md).
#pragma once

#include <cache/registry/credentials.hpp>
#include <cache/registry/http.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace slipway {

// What the registry refused. `status` is HTTP's.
class RegistryRefusal : public Error {
 public:
  RegistryRefusal(Error error, long status) : Error(std::move(error)), status_(status) {}
  long status() const { return status_; }

 private:
  long status_;
};

// What access is asked for: "repository:library/debian:pull". Several, where a blob is mounted.
using AccessScopes = std::vector<std::string>;

// Thread-safe: the threads of one pull share a token, and one of them fetches it.
class RegistryAuthorization {
 public:
  // `send` sends to the token service, and is asked again by nobody: it decides that. `domain` is
  // what messages call the registry, `host` the one it is served by.
  struct Setting {
    std::string domain;
    std::string host;
    std::string repository;  // for messages; empty: the registry as a whole
    Credentials credentials;
    std::function<HttpResponse(const HttpRequest&)> send;
    std::function<HostRules(const std::string&)> rules;
  };
  explicit RegistryAuthorization(Setting setting) : setting_(std::move(setting)) {}

  // The value of Authorization; empty where the registry has asked for none yet. A token that has
  // expired, or that is for less, is traded for another one first. Throws Error.
  std::string value(const AccessScopes& scopes);
  // The registry answered 401 to a request with the value `used`. True: there is a new one.
  bool renew(const HttpResponse& refusal, const AccessScopes& scopes, const std::string& used);

  // A refresh token, if one came with a token; asked for where `offline` is set before.
  std::string identity_token() const;
  void ask_for_identity_token() { offline_ = true; }

  // What to do about a refusal.
  std::string hint() const;

 private:
  struct Token {
    std::string text;
    AccessScopes scopes;  // that it was asked for with
    std::chrono::steady_clock::time_point until;
  };
  // All three with mutex_ held.
  Token fetch(const AccessScopes& scopes);
  HttpResponse ask_service(const AccessScopes& scopes);
  void check_realm() const;

  Setting setting_;
  bool offline_ = false;

  mutable std::mutex mutex_;  // guards all below
  bool basic_ = false;        // the registry takes the login itself
  bool bearer_ = false;       // it wants tokens, of:
  std::string realm_;
  std::string service_;
  std::string identity_token_;
  std::map<AccessScopes, Token> tokens_;  // by what was asked for
};

// What a registry or its token service says about a refusal (distribution-spec, "Error Codes"), as
// the end of a sentence: ': "..."', or nothing.
std::string reason_in(const std::string& body);

}  // namespace slipway
