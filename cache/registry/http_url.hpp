// URLs, as libcurl reads them: what is asked and what is compared must not be two things. For
// http.cpp alone.
#pragma once

#include <cache/registry/curl.hpp>

#include <string>

namespace slipway {

// Scheme, host and port: the place that credentials are for.
struct UrlOrigin {
  std::string scheme, host, port;
  bool default_port = true;  // none was written, or the scheme's own
  bool operator==(const UrlOrigin&) const = default;
  bool plain() const { return scheme == "http"; }
  // "host", or "host:port" for a port that is not the scheme's.
  std::string place() const { return default_port ? host : host + ":" + port; }
};

// Throws Error for what is not a URL; credentials in it are not told.
UrlOrigin origin_of(const Curl& curl, const std::string& url);

}  // namespace slipway
