// The cache in a bucket: what a spec may say, and servers that refuse or lie.
#include "../registry/http_server.hpp"
#include "same_maps.hpp"

#include <cache/shared/s3_answers.hpp>

#include <filesystem>

using namespace slipway;
using Request = HttpServer::Request;
using Reply = HttpServer::Reply;

namespace {

std::map<std::string, std::string> attributes_at(const std::string& address) {
  return {{"bucket", "bucket"},
          {"endpoint_url", "http://" + address},
          {"access_key_id", "id"},
          {"secret_access_key", "the key"},
          {"session_token", "the token"}};
}

std::unique_ptr<CacheTransport> open_at(const HttpServer& server) {
  return open_transport(cache_spec("s3", attributes_at(server.address())), true, {});
}

std::string spec_failure(std::map<std::string, std::string> changes, bool write = false) {
  std::map<std::string, std::string> attributes = attributes_at("127.0.0.1:1");
  for (const auto& [name, value] : changes) attributes[name] = value;
  std::erase_if(attributes, [](const auto& attribute) { return attribute.second == "(none)"; });
  return failure_of([&] { open_transport(cache_spec("s3", attributes), write, {}); });
}

std::string error_xml(const std::string& code) {
  return "<?xml version=\"1.0\"?>\n<Error><Code>" + code +
         "</Code><Message>it is &quot;so&quot;</Message></Error>";
}

}  // namespace

TEST_CASE("a refusal of S3 says why and what to do") {
  Reply reply;
  const HttpServer server([&](const Request&) { return reply; });
  const auto cache = open_at(server);
  const auto reading = [&] { return failure_of([&] { cache->record(sha256("key")); }); };
  const std::string front = cache->name() + " answers with status ";
  const std::string what = " for the record " + sha256("key").hex();
  CHECK(cache->name() == "s3 cache \"bucket\" at \"http://" + server.address() + "\"");

  reply = {.status = 403, .body = error_xml("SignatureDoesNotMatch")};
  CHECK(reading() == front + "403" + what +
                         ": \"SignatureDoesNotMatch: it is \\\"so\\\"\"\n"
                         "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN");
  reply = {.status = 403, .body = error_xml("AccessDenied")};
  CHECK(reading().ends_with(
      "\nthese credentials need s3:GetObject, s3:PutObject and s3:ListBucket there"));
  reply = {.status = 400,
           .headers = {{"x-amz-bucket-region", "eu-1"}},
           .body = error_xml("AuthorizationHeaderMalformed")};
  CHECK(reading().ends_with("\nits region is \"eu-1\""));
  reply = {.status = 503, .body = "no XML"};
  CHECK(reading() == front + "503" + what + "\ntry again later");
  // No such record is no failure; no such bucket is one.
  reply = {.status = 404, .body = error_xml("NoSuchKey")};
  CHECK_FALSE(cache->record(sha256("key")));
  reply = {.status = 404, .body = error_xml("NoSuchBucket")};
  CHECK(reading().ends_with("\nmake the bucket, or check its name"));
}

TEST_CASE("neither signature nor token go to where a server redirects") {
  const HttpServer elsewhere([](const Request&) -> Reply { return {}; });
  const HttpServer server([&](const Request&) -> Reply {
    return {.status = 307, .headers = {{"Location", "http://" + elsewhere.address() + "/"}}};
  });
  const auto cache = open_at(server);
  CHECK(failure_of([&] {
          cache->record(sha256("key"));
        }).ends_with("\ncheck region and endpoint_url"));
  CHECK(failure_of([&] { put_bytes(*cache, "blob"); }) != "no error");
  CHECK(elsewhere.requests().empty());
}

TEST_CASE("an upload in parts that fails is given up, and said to be") {
  std::string failing;
  const HttpServer server([&](const Request& request) -> Reply {
    const std::string what = request.method + request.path.substr(request.path.find('?'));
    if (what.starts_with(failing)) {
      return {.status = failing.starts_with("POST?uploadId") ? 200 : 500,
              .body = error_xml("InternalError")};
    }
    if (what == "POST?uploads=") return {.body = "<x><UploadId>id&amp;1</UploadId></x>"};
    return {.headers = {{"ETag", "\"tag\""}}};
  });
  const auto cache = open_at(server);
  const TemporaryFolder folder;
  folder.write("large", "");
  const SharedBlob blob{.digest = sha256("large"), .size = (std::uint64_t{64} << 20) + 1};
  std::filesystem::resize_file(folder / "large", blob.size);
  const auto putting = [&] { return failure_of([&] { cache->put_blob(blob, folder / "large"); }); };

  failing = "PUT?partNumber=2";
  CHECK(putting().find(" answers with status 500 to part 2 of the blob ") != std::string::npos);
  CHECK(server.requests().back().method == "DELETE");
  CHECK(server.requests().back().path.ends_with("?uploadId=id%261"));
  // The status is 200 before S3 knows.
  failing = "POST?uploadId";
  CHECK(putting() == cache->name() + " does not put the parts of the blob " + blob.digest.text() +
                         " together: \"InternalError: it is \\\"so\\\"\"");
  CHECK(server.requests().back().method == "DELETE");
  failing = "POST?uploads";
  CHECK(putting().find("status 500") != std::string::npos);
  CHECK(server.requests().back().method == "POST");
}

TEST_CASE("what XML says") {
  CHECK(xml_text("<a><Code>x &lt;&amp;&gt; y</Code></a>", "Code") == "x <&> y");
  CHECK(xml_text("<a><Code>x", "Code") == "x");
  CHECK(xml_text("<Codes>x</Codes>", "Code") == "");
  CHECK(xml_text("<Code>&amp;lt;&unknown;</Code>", "Code") == "&lt;&unknown;");
  CHECK(xml_text("", "Code") == "");
  CHECK(xml_escaped("\"a\"<&>") == "&quot;a&quot;&lt;&amp;&gt;");
}

TEST_CASE("a bucket's place and who asks are complete, and no message has a secret") {
  CHECK(spec_failure({}, true) == "no error");
  CHECK(spec_failure({{"bucket", "(none)"}}) ==
        "a cache of type \"s3\" needs the attribute \"bucket\"\ntype=s3,bucket=NAME");
  CHECK(spec_failure({{"bukcet", "x"}}) ==
        "a cache of type \"s3\" has no attribute \"bukcet\"\ndid you mean \"bucket\"?");
  for (const char* bucket : {"a/b", "a b", "..", "a?b", "\r\n"}) {
    CHECK(spec_failure({{"bucket", bucket}}).ends_with(" is not the name of a bucket"));
  }
  for (const char* url :
       {"host", "https://", "https://u:secret@host", "https://host/?x", "https://host/../x"}) {
    CHECK(spec_failure({{"endpoint_url", url}}) ==
          "the endpoint_url of a cache of type \"s3\" is not the URL of a server\n"
          "such as https://minio.example:9000");
  }
  CHECK(spec_failure({{"prefix", "a/../b"}}) != "no error");
  CHECK(spec_failure({{"region", "a b"}}) == "\"a b\" is not the name of a region");
  CHECK(spec_failure({{"use_path_style", "maybe"}}) ==
        "use_path_style is true or false, not \"maybe\"");
  CHECK(spec_failure({{"access_key_id", "(none)"}}) ==
        "a cache of type \"s3\" has half of its credentials\n"
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  CHECK(spec_failure({{"access_key_id", "(none)"}, {"secret_access_key", "(none)"}}, true) ==
        "writing to a cache of type \"s3\" needs credentials\n"
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
}

TEST_CASE("a token that cannot be sent is not shown either") {
  auto attributes = attributes_at("127.0.0.1:1");
  attributes["session_token"] = "the secret token\n";
  const std::string said = failure_of([&] {
    open_transport(cache_spec("s3", attributes), false, {})->record(sha256("key"));
  });
  CHECK(said == "the header \"x-amz-security-token\" has a line break in it");
}

TEST_CASE("an address is the server's, or begins with the bucket") {
  const HttpServer server([](const Request&) -> Reply { return {.status = 404}; });
  auto attributes = attributes_at("LOCALHOST" + server.address().substr(9) + "/s3/");
  attributes["prefix"] = "/team a/";
  CHECK_FALSE(open_transport(cache_spec("s3", attributes), false, {})->record(sha256("key")));
  const Request asked = server.requests().back();
  const std::string hex = sha256("key").hex();
  CHECK(asked.path == "/s3/bucket/team%20a/records/" + hex.substr(0, 2) + "/" + hex);
  CHECK(asked.headers.at("host") == "localhost" + server.address().substr(9));
  CHECK(asked.headers.at("x-amz-security-token") == "the token");

  attributes["use_path_style"] = "false";
  CHECK(open_transport(cache_spec("s3", attributes), false, {})->name() ==
        "s3 cache \"bucket\" at \"http://bucket.localhost" + server.address().substr(9) + "\"");
  CHECK(open_transport(cache_spec("s3", {{"bucket", "b"}, {"region", "r-1"}}), false, {})->name() ==
        "s3 cache \"b\" at \"https://b.s3.r-1.amazonaws.com\"");
}
