// How S3 knows who asks: AWS's signature version 4, in the Authorization header (S3 API reference,
// "Authenticating Requests: Using the Authorization Header").
#pragma once

#include <ir/digest.hpp>

#include <ctime>
#include <map>
#include <string>
#include <string_view>

namespace slipway {

struct S3Credentials {
  std::string access_key_id;  // empty: nobody in particular
  std::string secret_access_key;
  std::string session_token;  // of credentials that end; may be empty
};

// What is signed of a request. All of it has to be sent as it is here.
struct S3Request {
  std::string method;
  std::string path;                            // percent-encoded, and "/" at least
  std::map<std::string, std::string> query;    // plain
  std::map<std::string, std::string> headers;  // names in lower case; with "host"
};

// "a=1&b=x%20y", in the order that is signed.
std::string query_text(const std::map<std::string, std::string>& query);

// Adds the headers x-amz-date, x-amz-content-sha256 and x-amz-security-token, and gives the value
// of Authorization. `content`: the digest of the body.
std::string sign_v4(S3Request& request, const Digest& content, const S3Credentials& credentials,
                    std::string_view region, std::time_t now);

}  // namespace slipway
