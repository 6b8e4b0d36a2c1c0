// Against the examples of the S3 API reference ("Examples: Signature Calculations").
#include <cache/shared/signature_v4.hpp>

#include <doctest/doctest.h>

using namespace slipway;

namespace {

constexpr std::time_t may_24_2013 = 1369353600;

std::string signature(S3Request request, const std::string& content = "") {
  request.headers["host"] = "examplebucket.s3.amazonaws.com";
  const S3Credentials example{.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                              .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                              .session_token = {}};
  return sign_v4(request, sha256(content), example, "us-east-1", may_24_2013);
}

std::string last_word(const std::string& text) {
  return text.substr(text.rfind('=') + 1);
}

}  // namespace

TEST_CASE("the documented requests have the documented signatures") {
  CHECK(signature({.method = "GET",
                   .path = "/test.txt",
                   .query = {},
                   .headers = {{"range", "bytes=0-9"}}}) ==
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(last_word(signature({.method = "PUT",
                             .path = "/test%24file.text",
                             .query = {},
                             .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                         {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}},
                            "Welcome to Amazon S3.")) ==
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK(last_word(signature(
            {.method = "GET", .path = "/", .query = {{"lifecycle", ""}}, .headers = {}})) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(last_word(signature({.method = "GET",
                             .path = "/",
                             .query = {{"max-keys", "2"}, {"prefix", "J"}},
                             .headers = {}})) ==
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("what is signed is added to what is sent") {
  S3Request request{.method = "GET", .path = "/", .query = {}, .headers = {{"host", "h"}}};
  const std::string text =
      sign_v4(request, sha256("x"),
              {.access_key_id = "id", .secret_access_key = "key", .session_token = "token"}, "here",
              may_24_2013);
  CHECK(request.headers.at("x-amz-date") == "20130524T000000Z");
  CHECK(request.headers.at("x-amz-content-sha256") == sha256("x").hex());
  CHECK(request.headers.at("x-amz-security-token") == "token");
  CHECK(text.find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,") !=
        std::string::npos);
  CHECK(query_text({{"uploadId", "a/b c"}, {"partNumber", "1"}}) ==
        "partNumber=1&uploadId=a%2Fb%20c");
}
