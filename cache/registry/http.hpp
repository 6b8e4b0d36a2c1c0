// HTTP as registries, shared caches and ADD need it: answers are streamed, and so are files that
// are sent.
//
// libcurl stays in curl, http and http_url, and out of the process until the first request: loading
// it and what it needs costs 6.3 ms, more than the rest of the program's start.
#pragma once

#include <cache/stream.hpp>
#include <ir/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace slipway {

// A piece of a file.
struct FilePiece {
  std::filesystem::path path;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// What is sent, with its length before it.
struct HttpUpload {
  std::string method = "PUT";  // or POST, PATCH; DELETE without a body
  std::variant<std::string, FilePiece> body;
  std::uint64_t before = 0;  // bytes that were sent already and are read again with these
};

struct HttpLimits {
  // Until something is sent, or the first byte of the answer comes; for connecting, too. An upload
  // has a second more for each 16 MiB, because servers read it again before they answer. 0: that
  // of a minute without a byte.
  std::chrono::milliseconds first_byte{0};
  std::chrono::milliseconds whole{0};  // for all of one hop. 0: none
  std::uint32_t slowest = 1;           // bytes a second, over a minute
};

// How a host is spoken to, where that is not as with any other.
struct HostRules {
  bool verify = true;  // its certificate
  bool plain = false;  // without TLS, where a URL says so; this machine always may be
  std::string roots;   // certificate authorities beside the system's, as PEM
  std::filesystem::path certificate;  // ours, as PEM; empty: none
  std::filesystem::path key;          // of that
};

struct HttpResponse {
  long status = 0;
  std::string url;                                  // of the last hop
  std::multimap<std::string, std::string> headers;  // of the last hop; names in lower case
  std::string body;                                 // of a response that did not go to the sink

  // The first header of that name (lower case); empty if there is none.
  std::string header(const std::string& name) const;
  bool succeeded() const { return status >= 200 && status < 300; }
};

struct HttpRequest {
  std::string url;
  bool head = false;
  std::vector<std::pair<std::string, std::string>> headers;
  // The value of Authorization. It goes to the origin (scheme, host, port) of `url` and nowhere
  // else: registries redirect to storage services, which must not see it.
  std::string authorization;
  std::optional<std::string> form;  // sent by POST, already encoded
  std::optional<HttpUpload> upload;
  HttpLimits limits = {};
  // False: a redirect is the answer. The `headers` go along with one.
  bool redirects = true;
  std::string role = "registry";  // what messages call the other side
  // The content may come compressed by gzip, and is given plain: what is meant is the file, not
  // how a server packs it.
  bool unpack_content = false;
  // A file of the web: redirects may lead to plain HTTP, and $HTTP_PROXY counts, as other programs
  // that fetch files have it.
  bool web = false;
  // Asked for each host, with its port where the URL has one. Empty: all are alike.
  std::function<HostRules(const std::string& host)> rules = {};
  // Called when the headers of a 2xx answer are there, before the sink gets a byte; what it throws
  // ends the request.
  std::function<void(const HttpResponse&)> answered = {};
  // Called now and then: how many bytes of the upload are sent.
  std::function<void(std::uint64_t)> sent = {};
};

// The connection failed, not what came over it: the same request may go well the next time.
class ConnectionError : public Error {
 public:
  // `broke`: there was one, so that it is worth asking again at once.
  ConnectionError(Error error, bool broke) : Error(std::move(error)), broke_(broke) {}
  bool broke() const { return broke_; }

 private:
  bool broke_;
};

// Keeps its connections between requests. Not thread-safe; several may work side by side.
class HttpClient {
 public:
  // Once `cancelled` gives true, what runs ends with an Error within about a second. May be empty.
  explicit HttpClient(std::function<bool()> cancelled = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;

  // Follows up to ten redirects, never from HTTPS to plain HTTP unless the request is for the web
  // at large; with an upload only those that ask for the same again, 307 and 308. The body of a 2xx
  // response goes to `sink`; where there is none, and for every other status, to
  // HttpResponse::body, which holds up to `max_body` bytes: a 2xx response with more is an Error,
  // others are cut.
  //
  // Certificates are verified, unless the request's rules say otherwise for a host: against the
  // system's store or $SSL_CERT_FILE and $SSL_CERT_DIR, and the roots of the rules. Proxies come
  // from https_proxy, http_proxy and no_proxy; loopback never goes through one. Fails when no byte
  // came for a minute, or where a limit of the request says so; throws ConnectionError for a
  // connection that cannot be made or breaks, and what `sink` throws.
  HttpResponse send(const HttpRequest& request, const ByteSink& sink = {});

  // Whether credentials for one of two URLs may be sent to the other: scheme, host and port.
  static bool same_origin(const std::string& one, const std::string& other);
  // Where a Location that `from` gave leads, which may be relative. Throws Error where send() would
  // not follow it; `role` and `rules` as in HttpRequest.
  static std::string resolve(const std::string& from, const std::string& location,
                             const std::string& role,
                             const std::function<HostRules(const std::string&)>& rules = {},
                             bool web = false);
  // "host", or "host:port" where the URL names one. Throws Error for what is no URL.
  static std::string host_of(const std::string& url);

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
