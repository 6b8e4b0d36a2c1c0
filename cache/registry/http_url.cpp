#include <cache/registry/http_url.hpp>

#include <cache/registry/http.hpp>
#include <ir/error.hpp>
#include <ir/remote_source.hpp>

#include <arpa/inet.h>

#include <memory>
#include <new>
#include <string_view>

namespace slipway {
namespace {

std::string part_of(const Curl& curl, CURLU* url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (curl.url_get(url, part, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, curl.free);
  return text;
}

using CurlUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

CurlUrl parse_url(const Curl& curl, const std::string& text) {
  CurlUrl url(curl.url(), curl.url_cleanup);
  if (!url) throw std::bad_alloc();
  if (curl.url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    throw Error(quoted(without_credentials(text)) + " is not a URL");
  }
  return url;
}

}  // namespace

UrlOrigin origin_of(const Curl& curl, const std::string& text) {
  const CurlUrl url = parse_url(curl, text);
  UrlOrigin origin{.scheme = part_of(curl, url.get(), CURLUPART_SCHEME, 0),
                   .host = part_of(curl, url.get(), CURLUPART_HOST, 0),
                   .port = part_of(curl, url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT)};
  origin.default_port = origin.port == (origin.plain() ? "80" : "443");
  return origin;
}

bool HttpClient::same_origin(const std::string& one, const std::string& other) {
  const Curl& curl = Curl::get();
  return origin_of(curl, one) == origin_of(curl, other);
}

std::string HttpClient::host_of(const std::string& url) {
  return origin_of(Curl::get(), url).place();
}

std::string HttpClient::resolve(const std::string& from, const std::string& location,
                                const std::string& role,
                                const std::function<HostRules(const std::string&)>& rules,
                                bool web) {
  const Curl& curl = Curl::get();
  const CurlUrl url = parse_url(curl, from);
  const auto refusal = [&](const std::string& to, const char* reason) {
    return Error(role + " redirects to " + quoted(without_credentials(to)) + ", which is not " +
                 reason);
  };
  // Set over a URL that is there already, a relative one is resolved against it.
  if (location.empty() || curl.url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK)
    throw refusal(location, "a URL");
  const std::string target = part_of(curl, url.get(), CURLUPART_URL, 0);
  const UrlOrigin origin = origin_of(curl, target);
  if (origin.scheme != "http" && origin.scheme != "https") throw refusal(target, "the web");
  if (web || !origin.plain()) return target;
  const bool stays_plain = origin_of(curl, from).plain();
  const bool stays_here = is_loopback(origin.host) && stays_plain;
  if (!stays_here && !(stays_plain && rules && rules(origin.place()).plain))
    throw refusal(target, "encrypted");
  return target;
}

bool is_loopback(std::string_view host_and_port) {
  std::string_view host = host_and_port;
  // "localhost:80@example.com" is a user of another host.
  if (host.find_first_of("@\\?#") != std::string_view::npos) return false;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return false;
    in6_addr address;
    return ::inet_pton(AF_INET6, std::string(host.substr(1, end - 1)).c_str(), &address) == 1 &&
           IN6_IS_ADDR_LOOPBACK(&address);
  }
  host = host.substr(0, host.find(':'));
  if (host == "localhost") return true;
  in_addr address;  // parsed, because "127.example.com" starts like one
  return ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 &&
         (ntohl(address.s_addr) >> 24) == 127;
}

std::string url_encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += digits[byte >> 4];
      encoded += digits[byte & 15];
    }
  }
  return encoded;
}

}  // namespace slipway
