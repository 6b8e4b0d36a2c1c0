// type=http,url=URL[,user=,password=]: the scheme of Bazel's HTTP caches, which bazel-remote serves
// and any web server that takes PUT.
//
//   URL/ac/HEX    a record, by its key, as an ActionResult (action_result.hpp)
//   URL/cas/HEX   a blob, by its digest
#include <cache/registry/credentials.hpp>
#include <cache/shared/action_result.hpp>
#include <cache/shared/attributes.hpp>
#include <cache/shared/http_transport.hpp>
#include <ir/error.hpp>
#include <ir/remote_source.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

// Servers that speak gRPC as well take messages of 4 MiB at most; a record of more than this is a
// blob of its own.
constexpr std::size_t longest_inline = std::size_t{1} << 20;
// A server may add to a message what it likes to know.
constexpr std::size_t longest_message = 2 * CacheTransport::longest_record;

// A user's name or password in a URL, without its percent signs.
std::string url_decode(std::string_view text) {
  const auto nibble = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && nibble(text[i + 1]) >= 0 &&
        nibble(text[i + 2]) >= 0) {
      bytes += static_cast<char>(nibble(text[i + 1]) * 16 + nibble(text[i + 2]));
      i += 2;
    } else {
      bytes += text[i];
    }
  }
  return bytes;
}

// nginx and Apache answer with a page; what bazel-remote says is one line.
std::string first_line(const HttpResponse& response) {
  if (!response.header("content-type").starts_with("text/plain")) return {};
  return response.body.substr(0, response.body.find('\n'));
}

class HttpCache : public HttpTransport {
 public:
  HttpCache(std::string url, const Credentials& credentials, TransportOptions options)
      : HttpTransport("http cache " + quoted(url), std::move(options)),
        url_(std::move(url)),
        authorization_(credentials.empty() ? std::string() : credentials.basic()) {}

  std::optional<std::string> record(const Digest& key) override {
    const std::string what = "the record " + key.hex();
    const std::optional<std::string> message = read(request("ac", key), longest_message, what);
    if (!message) return std::nullopt;
    std::optional<RecordPlace> place = read_action_result(*message);
    if (!place) throw Error(name() + " gives something else for " + what);
    if (auto* bytes = std::get_if<std::string>(&*place)) {
      if (bytes->size() > longest_record) throw too_long(bytes->size(), what);
      return std::move(*bytes);
    }
    const auto& apart = std::get<SharedBlob>(*place);
    if (apart.size > longest_record) throw too_long(apart.size, what);
    std::optional<std::string> bytes =
        read(request("cas", apart.digest), static_cast<std::size_t>(apart.size), what);
    if (bytes && sha256(*bytes) != apart.digest)
      throw Error(name() + " gives other bytes for " + text_of(apart));
    return bytes;
  }

  void put_record(const Digest& key, std::string_view bytes,
                  const std::vector<SharedBlob>& blobs) override {
    RecordPlace place = std::string(bytes);
    if (bytes.size() > longest_inline) {
      const SharedBlob apart{.digest = sha256(bytes), .size = bytes.size()};
      put("cas", apart.digest, std::string(bytes), text_of(apart));
      place = apart;
    }
    put("ac", key, write_action_result(place, blobs), "the record " + key.hex());
  }

  bool has_blob(const SharedBlob& blob) override { return has(request("cas", blob.digest), blob); }

  bool blob(const SharedBlob& blob, const ByteSink& sink) override {
    return read_blob(request("cas", blob.digest), blob, sink);
  }

  void put_blob(const SharedBlob& blob, const std::filesystem::path& file) override {
    put("cas", blob.digest, FilePiece{.path = file, .size = blob.size}, text_of(blob));
  }

 private:
  Refusal explain(const HttpResponse& response) const override {
    Refusal refusal{.reason = first_line(response), .hint = {}};
    switch (response.status) {
      case 401:
      case 403:
        refusal.hint = authorization_.empty() ? "give user=NAME and password=WORD"
                                              : "check the user and the password";
        break;
      case 404:
      case 409:
        refusal.hint = "the server has to make folders (nginx: create_full_put_path on)";
        break;
      case 405:
        refusal.hint = "the server has to take PUT (nginx: dav_methods PUT)";
        break;
      case 413:
        refusal.hint = "raise the server's limit (nginx: client_max_body_size 0)";
        break;
      default:
        if (response.status >= 500) refusal.hint = "look into the server's log";
    }
    return refusal;
  }

  Error too_long(std::uint64_t size, const std::string& what) const {
    return Error(name() + " has " + std::to_string(size) + " bytes for " + what +
                 ", which is too long for one");
  }

  HttpRequest request(const char* folder, const Digest& digest) const {
    HttpRequest request{.url = url_ + "/" + folder + "/" + digest.hex()};
    request.authorization = authorization_;
    request.role = "http cache";
    return request;
  }

  void put(const char* folder, const Digest& digest, std::variant<std::string, FilePiece> bytes,
           const std::string& what) {
    HttpRequest sent = request(folder, digest);
    sent.headers.emplace_back("Content-Type", "application/octet-stream");
    sent.upload = HttpUpload{.body = std::move(bytes)};
    send(std::move(sent), {.what = what});
  }

  const std::string url_;  // without a slash at its end, and without credentials
  const std::string authorization_;
};

Credentials credentials_in(const CacheSpec& spec, std::string_view user_info) {
  Credentials credentials;
  if (!user_info.empty()) {
    user_info.remove_suffix(1);  // '@'
    const std::size_t colon = std::min(user_info.find(':'), user_info.size());
    credentials.user = url_decode(user_info.substr(0, colon));
    credentials.password = url_decode(user_info.substr(std::min(colon + 1, user_info.size())));
  }
  const std::string user = attribute(spec, "user"), password = attribute(spec, "password");
  if (!user.empty()) credentials.user = user;
  if (!password.empty()) credentials.password = password;
  if (credentials.user.empty() && !credentials.password.empty())
    throw Error("a cache of type \"http\" has a password and no user").hint("give user=NAME");
  return credentials;
}

}  // namespace

std::unique_ptr<CacheTransport> open_http(const CacheSpec& spec, TransportOptions options) {
  check_attributes(spec, {"url", "user", "password"});
  std::string url = required_attribute(spec, "url", "https://cache.example");
  // Not shown: where it is malformed, nobody knows what in it is the password.
  const auto malformed = [](const char* hint) {
    return Error("the URL of a cache of type \"http\" is none").hint(hint);
  };
  if (!is_http_source(url) || url.find_first_of("?#") != url.npos)
    throw malformed("it begins with https:// or http://, and has neither a query nor a fragment");
  const UrlAuthority authority = authority_of(url);
  const Credentials credentials = credentials_in(spec, authority.user_info);
  const std::string host(authority.host);
  url.erase(url.find("//") + 2, authority.user_info.size());
  if (url.find('@') != url.npos) throw malformed("in a password, write %40 for @ and %2F for /");
  if (!credentials.empty() && url.starts_with("http://") && !is_loopback(host)) {
    throw Error("the password for " + quoted(url) + " would be sent in plain text")
        .hint("use https://");
  }
  while (url.ends_with('/')) url.pop_back();
  return std::make_unique<HttpCache>(std::move(url), credentials, std::move(options));
}

}  // namespace slipway
