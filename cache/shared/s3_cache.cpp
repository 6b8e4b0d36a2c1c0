// type=s3,bucket=NAME[,endpoint_url=,region=,prefix=,...]: a bucket of S3, or of a server that
// speaks as S3 does. The attributes are named as buildx names them.
//
//   PREFIXrecords/HH/HEX   a record, by its key: the layout of a local cache (local.cpp)
//   PREFIXblobs/HH/HEX     a blob, by its digest
//
// Who asks: access_key_id, secret_access_key and session_token, else the variables
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. AWS's configuration files, roles
// and services that hand out credentials are left to the tools that fill these variables.
#include <cache/file_descriptor.hpp>
#include <cache/shared/attributes.hpp>
#include <cache/shared/http_transport.hpp>
#include <cache/shared/s3_answers.hpp>
#include <cache/shared/signature_v4.hpp>
#include <ir/error.hpp>
#include <ir/quantities.hpp>
#include <ir/remote_source.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <utility>

namespace slipway {
namespace {

// What is larger goes up in parts of this size, or larger ones: there are 10,000 at most.
constexpr std::uint64_t part_size = std::uint64_t{64} << 20;
constexpr std::uint64_t most_parts = 10'000;

struct Place {
  std::string endpoint;  // "https://s3.eu-central-1.amazonaws.com", without a slash at its end
  std::string host;      // what the Host header says
  std::string root;      // percent-encoded: "", "/bucket", "/path/bucket"
  std::string bucket;
  std::string prefix;
  std::string region;
};

std::string encode_path(std::string_view path) {
  std::string encoded;
  while (true) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    encoded += url_encode(path.substr(0, slash));
    if (slash == path.size()) return encoded;
    encoded += '/';
    path.remove_prefix(slash + 1);
  }
}

Digest digest_of(const FilePiece& part) {
  const FileDescriptor file(::open(part.path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) throw system_error("open", part.path.string(), errno);
  Hasher hasher;
  std::vector<std::byte> piece(std::size_t{1} << 20);
  for (std::uint64_t at = 0; at < part.size;) {
    const std::size_t wanted = std::min<std::uint64_t>(piece.size(), part.size - at);
    const ssize_t got =
        ::pread(file.get(), piece.data(), wanted, static_cast<off_t>(part.offset + at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("pread", part.path.string(), errno);
    if (got == 0) throw Error(quoted(part.path.string()) + " became shorter while it was read");
    hasher.update(std::span(piece).first(static_cast<std::size_t>(got)));
    at += static_cast<std::uint64_t>(got);
  }
  return hasher.finish();
}

class S3Cache : public HttpTransport {
 public:
  S3Cache(Place place, S3Credentials credentials, TransportOptions options)
      : HttpTransport("s3 cache " + quoted(place.bucket) + " at " + quoted(place.endpoint),
                      std::move(options)),
        place_(std::move(place)),
        credentials_(std::move(credentials)) {}

  std::optional<std::string> record(const Digest& key) override {
    return read(request("GET", path("records", key)), longest_record, "the record " + key.hex());
  }

  void put_record(const Digest& key, std::string_view bytes,
                  const std::vector<SharedBlob>&) override {
    send(request("PUT", path("records", key), {}, sha256(bytes), std::string(bytes)),
         {.what = "the record " + key.hex()});
  }

  bool has_blob(const SharedBlob& blob) override {
    return has(request("HEAD", path("blobs", blob.digest)), blob);
  }

  bool blob(const SharedBlob& blob, const ByteSink& sink) override {
    return read_blob(request("GET", path("blobs", blob.digest)), blob, sink);
  }

  void put_blob(const SharedBlob& blob, const std::filesystem::path& file) override {
    if (blob.size > part_size) return put_in_parts(blob, file);
    send(request("PUT", path("blobs", blob.digest), {}, blob.digest,
                 FilePiece{.path = file, .size = blob.size}),
         {.what = text_of(blob)});
  }

 private:
  using Query = std::map<std::string, std::string>;
  using Body = std::variant<std::string, FilePiece>;

  Refusal explain(const HttpResponse& response) const override {
    return explain_s3_refusal(response, !credentials_.access_key_id.empty());
  }
  // That the whole bucket is absent is a mistake, and said to be one.
  bool is_absence(const HttpResponse& response) const override {
    return response.status == 404 && xml_text(response.body, "Code") != "NoSuchBucket";
  }

  std::string path(const char* folder, const Digest& digest) const {
    const std::string hex = digest.hex();
    return place_.root + "/" + encode_path(place_.prefix) + folder + "/" + hex.substr(0, 2) + "/" +
           hex;
  }

  // Signed at once: a signature is good for a quarter of an hour.
  HttpRequest request(const std::string& method, const std::string& path, const Query& query = {},
                      const std::optional<Digest>& content = {},
                      std::optional<Body> body = {}) const {
    S3Request asked{
        .method = method, .path = path, .query = query, .headers = {{"host", place_.host}}};
    if (body) asked.headers["content-type"] = "application/octet-stream";
    HttpRequest request{.url = place_.endpoint + path + (query.empty() ? "" : "?") +
                               query_text(query)};
    request.role = "s3 cache";
    request.redirects = false;  // the signature is for this host, and the token not for another
    if (!credentials_.access_key_id.empty()) {
      request.authorization = sign_v4(asked, content ? *content : sha256(""), credentials_,
                                      place_.region, std::time(nullptr));
    }
    for (const auto& [name, value] : asked.headers) request.headers.emplace_back(name, value);
    if (body) {
      request.upload = HttpUpload{.method = method, .body = std::move(*body)};
    } else if (method != "GET" && method != "HEAD") {
      request.upload = HttpUpload{.method = method, .body = {}};
    }
    return request;
  }

  void put_in_parts(const SharedBlob& blob, const std::filesystem::path& file) {
    const std::string at = path("blobs", blob.digest);
    const HttpResponse begun =
        send(request("POST", at, {{"uploads", ""}}), {.what = text_of(blob), .brief = true});
    const std::string id = xml_text(begun.body, "UploadId");
    if (id.empty()) throw Error(name() + " gives no name for an upload in parts");
    try {
      finish(blob, at, id, send_parts(blob, file, at, id));
    } catch (const Error&) {
      abandon(at, id);
      throw;
    }
  }

  // What is to be said at the end: which parts there are.
  std::string send_parts(const SharedBlob& blob, const std::filesystem::path& file,
                         const std::string& at, const std::string& id) {
    const std::uint64_t size = std::max(part_size, (blob.size + most_parts - 1) / most_parts);
    std::string list = "<CompleteMultipartUpload>";
    for (std::uint64_t offset = 0, number = 1; offset < blob.size; offset += size, ++number) {
      const FilePiece part{
          .path = file, .offset = offset, .size = std::min(size, blob.size - offset)};
      const std::string text = std::to_string(number);
      const HttpResponse sent =
          send(request("PUT", at, {{"partNumber", text}, {"uploadId", id}}, digest_of(part), part),
               {.what = "part " + text + " of " + text_of(blob)});
      const std::string tag = sent.header("etag");
      if (tag.empty()) throw Error(name() + " gives no ETag for a part of " + text_of(blob));
      list +=
          "<Part><PartNumber>" + text + "</PartNumber><ETag>" + xml_escaped(tag) + "</ETag></Part>";
    }
    return list + "</CompleteMultipartUpload>";
  }

  void finish(const SharedBlob& blob, const std::string& at, const std::string& id,
              const std::string& list) {
    const HttpResponse done =
        send(request("POST", at, {{"uploadId", id}}, sha256(list), list), {.what = text_of(blob)});
    // The status comes before the server has put the parts together.
    const std::string code = xml_text(done.body, "Code");
    if (code.empty()) return;
    throw Error(name() + " does not put the parts of " + text_of(blob) +
                " together: " + quoted(code + ": " + xml_text(done.body, "Message")));
  }

  // Parts cost room until somebody says that they are not wanted. Sent even where the build was
  // interrupted, and then for two seconds at most; if it fails, the bucket's own rules are left.
  void abandon(const std::string& at, const std::string& id) const {
    HttpRequest last = request("DELETE", at, {{"uploadId", id}});
    last.limits.first_byte = last.limits.whole = std::chrono::seconds(2);
    try {
      HttpClient().send(last);
    } catch (const Error&) {
      return;  // the failure that led here is the one to be told
    }
  }

  const Place place_;
  const S3Credentials credentials_;
};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

S3Credentials credentials_in(const CacheSpec& spec, bool write) {
  S3Credentials credentials{.access_key_id = attribute(spec, "access_key_id"),
                            .secret_access_key = attribute(spec, "secret_access_key"),
                            .session_token = attribute(spec, "session_token")};
  if (credentials.access_key_id.empty() && credentials.secret_access_key.empty()) {
    credentials = {.access_key_id = variable("AWS_ACCESS_KEY_ID"),
                   .secret_access_key = variable("AWS_SECRET_ACCESS_KEY"),
                   .session_token = variable("AWS_SESSION_TOKEN")};
  }
  const char* const hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
  if (credentials.access_key_id.empty() != credentials.secret_access_key.empty())
    throw Error("a cache of type \"s3\" has half of its credentials").hint(hint);
  if (write && credentials.access_key_id.empty())
    throw Error("writing to a cache of type \"s3\" needs credentials").hint(hint);
  return credentials;
}

bool is_name(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.size() <= 255 && text.find_first_not_of(allowed) == text.npos;
}

constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

// The host as libcurl will call it: without the scheme's own port.
void read_endpoint(const std::string& url, Place& place) {
  const UrlAuthority authority = authority_of(url);
  const std::size_t start = url.find("//") + 2;
  const bool plain = url.starts_with("http://");
  place.host = std::string(authority.host);
  std::transform(place.host.begin(), place.host.end(), place.host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (place.host.ends_with(plain ? ":80" : ":443")) place.host.resize(place.host.rfind(':'));
  place.root = encode_path(url.substr(start + authority.host.size()));
  while (place.root.ends_with('/')) place.root.pop_back();
  place.endpoint = (plain ? "http://" : "https://") + place.host;
}

bool has_dots(std::string_view path) {
  const std::string framed = "/" + std::string(path) + "/";
  return framed.find("/./") != framed.npos || framed.find("/../") != framed.npos;
}

Place place_in(const CacheSpec& spec) {
  Place place;
  place.bucket = required_attribute(spec, "bucket", "NAME");
  place.region = attribute(spec, "region");
  if (place.region.empty()) place.region = variable("AWS_REGION");
  if (place.region.empty()) place.region = variable("AWS_DEFAULT_REGION");
  if (place.region.empty()) place.region = "us-east-1";
  if (!is_name(place.bucket, name_characters) || has_dots(place.bucket))
    throw Error(quoted(place.bucket) + " is not the name of a bucket");
  if (!is_name(place.region, name_characters))
    throw Error(quoted(place.region) + " is not the name of a region");

  place.prefix = attribute(spec, "prefix");
  while (place.prefix.starts_with('/')) place.prefix.erase(0, 1);
  if (has_dots(place.prefix))
    throw Error("the prefix of a cache cannot have \".\" or \"..\" in it");

  std::string url = attribute(spec, "endpoint_url");
  // Servers of others are found by one name; Amazon's by the bucket's.
  bool path_style = !url.empty();
  if (const std::string asked = attribute(spec, "use_path_style"); !asked.empty()) {
    const std::optional<bool> truth = read_boolean(asked);
    if (!truth) throw Error("use_path_style is true or false, not " + quoted(asked));
    path_style = *truth;
  }
  if (url.empty()) url = "https://s3." + place.region + ".amazonaws.com";
  const UrlAuthority authority = authority_of(url);
  if (!is_http_source(url) || url.find_first_of("?#@") != url.npos || authority.host.empty() ||
      has_dots(url.substr(url.find("//") + 2))) {
    throw Error("the endpoint_url of a cache of type \"s3\" is not the URL of a server")
        .hint("such as https://minio.example:9000");
  }
  read_endpoint(url, place);
  if (path_style) {
    place.root += "/" + place.bucket;
  } else {
    place.host = place.bucket + "." + place.host;
    place.endpoint.insert(place.endpoint.find("//") + 2, place.bucket + ".");
  }
  return place;
}

}  // namespace

std::unique_ptr<CacheTransport> open_s3(const CacheSpec& spec, TransportOptions options) {
  check_attributes(spec, {"bucket", "region", "endpoint_url", "prefix", "use_path_style",
                          "access_key_id", "secret_access_key", "session_token"});
  Place place = place_in(spec);
  S3Credentials credentials = credentials_in(spec, options.write);
  return std::make_unique<S3Cache>(std::move(place), std::move(credentials), std::move(options));
}

}  // namespace slipway
