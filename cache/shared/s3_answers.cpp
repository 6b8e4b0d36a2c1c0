#include <cache/shared/s3_answers.hpp>

#include <ir/error.hpp>

#include <array>
#include <utility>

namespace slipway {
namespace {

constexpr std::array<std::pair<std::string_view, char>, 5> entities = {
    {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}}};

std::string hint_for(const std::string& code, const HttpResponse& response, bool signed_in) {
  if (code == "SignatureDoesNotMatch" || code == "InvalidAccessKeyId" || code == "InvalidToken" ||
      code == "ExpiredToken")
    return "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN";
  if (code == "RequestTimeTooSkewed") return "set this machine's clock";
  if (code == "NoSuchBucket") return "make the bucket, or check its name";
  const std::string region = response.header("x-amz-bucket-region");
  if (code == "AuthorizationHeaderMalformed" || (response.status >= 300 && response.status < 400))
    return region.empty() ? "check region and endpoint_url" : "its region is " + quoted(region);
  if (response.status == 401 || response.status == 403) {
    // S3 does not tell those who may not list a bucket that something is not in it.
    return signed_in ? "these credentials need s3:GetObject, s3:PutObject and s3:ListBucket there"
                     : "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
  }
  return response.status >= 500 ? "try again later" : "";
}

}  // namespace

std::string xml_text(std::string_view document, std::string_view element) {
  const std::string open = "<" + std::string(element) + ">";
  const std::size_t start = document.find(open);
  if (start == document.npos) return {};
  document.remove_prefix(start + open.size());
  document = document.substr(0, document.find('<'));
  std::string text;
  while (!document.empty()) {
    std::size_t taken = 1;
    char c = document.front();
    for (const auto& [entity, meant] : entities) {
      if (!document.starts_with(entity)) continue;
      taken = entity.size();
      c = meant;
    }
    text += c;
    document.remove_prefix(taken);
  }
  return text;
}

std::string xml_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    std::string piece(1, c);
    for (const auto& [entity, meant] : entities)
      if (c == meant) piece = entity;
    escaped += piece;
  }
  return escaped;
}

Refusal explain_s3_refusal(const HttpResponse& response, bool signed_in) {
  const std::string code = xml_text(response.body, "Code");
  const std::string message = xml_text(response.body, "Message");
  return {.reason = code + (code.empty() || message.empty() ? "" : ": ") + message,
          .hint = hint_for(code, response, signed_in)};
}

}  // namespace slipway
