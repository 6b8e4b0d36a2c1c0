#include <cache/shared/signature_v4.hpp>

#include <cache/registry/http.hpp>

#include <ctime>

namespace slipway {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

std::string date_text(std::time_t now) {
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts)};
}

Digest chain(const Digest& key, std::string_view text) {
  return hmac_sha256({reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()}, text);
}

}  // namespace

std::string query_text(const std::map<std::string, std::string>& query) {
  // Sorted by the encoded names; those of S3 are letters and "-", which are encoded as they are.
  std::string text;
  for (const auto& [name, value] : query)
    text += (text.empty() ? "" : "&") + url_encode(name) + "=" + url_encode(value);
  return text;
}

std::string sign_v4(S3Request& request, const Digest& content, const S3Credentials& credentials,
                    std::string_view region, std::time_t now) {
  const std::string time = date_text(now);
  const std::string day = time.substr(0, 8);
  request.headers["x-amz-date"] = time;
  request.headers["x-amz-content-sha256"] = content.hex();
  if (!credentials.session_token.empty())
    request.headers["x-amz-security-token"] = credentials.session_token;

  std::string headers, names;
  for (const auto& [name, value] : request.headers) {
    headers += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  const std::string canonical = request.method + "\n" + request.path + "\n" +
                                query_text(request.query) + "\n" + headers + "\n" + names + "\n" +
                                content.hex();
  const std::string scope = day + "/" + std::string(region) + "/s3/aws4_request";
  const std::string text =
      std::string(algorithm) + "\n" + time + "\n" + scope + "\n" + sha256(canonical).hex();

  Digest key = hmac_sha256("AWS4" + credentials.secret_access_key, day);
  for (const std::string_view part :
       {region, std::string_view("s3"), std::string_view("aws4_request")})
    key = chain(key, part);
  return std::string(algorithm) + " Credential=" + credentials.access_key_id + "/" + scope +
         ", SignedHeaders=" + names + ", Signature=" + chain(key, text).hex();
}

}  // namespace slipway
