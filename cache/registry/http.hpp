// HTTP as registries and ADD need it: GET and HEAD whose bodies are streamed, and a form POST for
// tokens.
//
// libcurl stays in http.cpp, and out of the process until the first request: loading it and what
// it needs costs 6.3 ms, more than the rest of the program's start.
#pragma once

#include <cache/stream.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

struct HttpRequest {
  std::string url;
  bool head = false;
  std::vector<std::pair<std::string, std::string>> headers;
  // The value of Authorization. It goes to the origin (scheme, host, port) of `url` and nowhere
  // else: registries redirect to storage services, which must not see it.
  std::string authorization;
  std::optional<std::string> form;  // sent by POST, already encoded
  std::string role = "registry";    // what messages call the other side
  // The content may come compressed by gzip, and is given plain: what is meant is the file, not
  // how a server packs it.
  bool unpack_content = false;
  // A file of the web: redirects may lead to plain HTTP, and $HTTP_PROXY counts, as other programs
  // that fetch files have it.
  bool web = false;
};

struct HttpResponse {
  long status = 0;
  std::string url;                                  // of the last hop
  std::multimap<std::string, std::string> headers;  // of the last hop; names in lower case
  std::string body;  // of a response that did not go to the sink

  // The first header of that name (lower case); empty if there is none.
  std::string header(const std::string& name) const;
};

// Keeps its connections between requests. Not thread-safe; several may work side by side.
class HttpClient {
 public:
  // Once `cancelled` gives true, what runs ends with an Error within about a second. May be empty.
  explicit HttpClient(std::function<bool()> cancelled = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;

  // Follows up to ten redirects, never from HTTPS to plain HTTP unless the request is for the web
  // at large. The body of a 2xx response goes
  // to `sink`; where there is none, and for every other status, to HttpResponse::body, which holds
  // up to `max_body` bytes: a 2xx response with more is an Error, others are cut.
  //
  // Certificates are always verified: against the system's store or $SSL_CERT_FILE and
  // $SSL_CERT_DIR. Proxies come from https_proxy, http_proxy and no_proxy; loopback never goes
  // through one. Fails when no byte came for a minute; throws what `sink` throws.
  HttpResponse send(const HttpRequest& request, const ByteSink& sink = {});

  // Whether credentials for one of two URLs may be sent to the other: scheme, host and port.
  static bool same_origin(const std::string& one, const std::string& other);

  static constexpr std::size_t max_body = 8 << 20;

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

// True for "localhost", 127.0.0.0/8 and [::1], with or without a port: the registries that are
// spoken to without TLS.
bool is_loopback(std::string_view host_and_port);

// Percent-encodes all but the unreserved characters of RFC 3986.
std::string url_encode(std::string_view text);

}  // namespace slipway
