// One place that serves a repository: the registry itself, or a mirror of it. Requests go through
// here to get what all of them need: credentials, the host's rules, and another try.
#pragma once

#include <cache/registry/authorization.hpp>
#include <cache/registry/connections.hpp>
#include <cache/registry/credentials.hpp>
#include <cache/registry/http.hpp>
#include <cache/registry/patience.hpp>
#include <cache/registry/registries.hpp>
#include <cache/stream.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// What a request is for.
struct RequestPurpose {
  std::string what;            // for messages: "blob sha256:..."
  bool may_be_absent = false;  // 404 is an answer
  bool push = false;
  bool brief = false;        // the answer is short: thrice the time to its first byte has to do
  bool may_collide = false;  // 400 may be another client's doing: worth another try
  bool once = false;         // every status is an answer, and nothing is tried again but logging in
  std::string from = {};     // a repository that is read from as well
  std::string scope = {};    // instead of the repository's
};

// Thread-safe.
class RegistryEndpoint {
 public:
  struct Setting {
    std::string domain;      // what it is called, and set by: "docker.io"
    RegistryPlace place;     // without a scheme: HTTPS, but for this machine and insecure ones
    std::string repository;  // with the place's prefix; empty: the registry as a whole
    Credentials credentials;
    std::shared_ptr<const Registries> registries;
    std::function<bool()> cancelled;
    HttpLimits limits;
    bool mirror = false;  // there is another one to ask: nothing is tried again here
  };
  explicit RegistryEndpoint(Setting setting);

  const std::string& domain() const { return setting_.domain; }
  const std::string& repository() const { return setting_.repository; }
  // "https://registry-1.docker.io", and "https://registry-1.docker.io/v2/library/debian/". The
  // first call may ask the registry whether it speaks TLS, where that does not matter.
  std::string origin();
  std::string base();

  // Adds limits, rules and authorization to what is asked for. Gives a 2xx answer, or another one
  // that `purpose` takes for an answer; throws RegistryRefusal for any other. What is tried again:
  // 429 and 5xx, and connections that broke, unless there is a sink: it may have got some bytes.
  HttpResponse ask(HttpRequest request, const RequestPurpose& purpose, const ByteSink& sink = {});
  // Where a link that it gave at `from` leads, and the Location of its answer. Throws Error if
  // nobody should go there.
  std::string resolve(const std::string& from, const std::string& link) const;
  std::string location(const HttpResponse& response) const;
  [[noreturn]] void refuse(const HttpResponse& response, const RequestPurpose& purpose) const;

  // For one task.
  Patience patience() const { return {patience_, setting_.cancelled}; }
  bool cancelled() const { return setting_.cancelled && setting_.cancelled(); }
  bool is_mirror() const { return setting_.mirror; }
  // A mirror that cannot be reached is not asked again.
  void give_up() { given_up_ = true; }
  bool given_up() const { return given_up_; }
  // "registry "docker.io"", for messages.
  std::string name() const;
  RegistryAuthorization& authorization() { return authorization_; }
  // What its answers had for the user, each once.
  std::vector<std::string> warnings() const;

 private:
  HttpResponse once(HttpRequest& request, const RequestPurpose& purpose, const ByteSink& sink);
  AccessScopes scopes(const RequestPurpose& purpose) const;
  HostRules rules(const std::string& host) const;
  std::string find_scheme();
  void keep_warnings(const HttpResponse& response);

  const Setting setting_;
  const HostRules own_rules_;
  const std::chrono::milliseconds patience_;
  HttpConnections connections_;
  RegistryAuthorization authorization_;
  std::atomic<bool> given_up_ = false;

  mutable std::mutex mutex_;  // guards all below
  std::string scheme_;        // empty: not known yet
  std::vector<std::string> warnings_;
};

// How long the server asks to be left alone, if it does.
std::optional<std::chrono::seconds> retry_after(const HttpResponse& response);
// Whether it may answer otherwise if it is asked again.
bool is_passing(const HttpResponse& response);

// The registry of a domain: docker.io is served by another host.
RegistryPlace place_of(std::string_view domain);

}  // namespace slipway
