// What registries and configuration files say, read without a network.
#include <cache/images/manifest.hpp>
#include <cache/registry/challenge.hpp>
#include <cache/registry/credentials.hpp>
#include <cache/registry/http.hpp>
#include <cache/registry/pipe.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <string>
#include <thread>

using namespace slipway;

namespace {

const std::string digest = sha256("x").text();

std::string descriptor(const std::string& type, const std::string& more = "") {
  return R"({"mediaType":")" + type + R"(","digest":")" + digest + R"(","size":3)" + more + "}";
}

std::string manifest_with(const std::string& layer_type) {
  return R"({"schemaVersion":2,"config":)" + descriptor(std::string(media_type::oci_config)) +
         R"(,"layers":[)" + descriptor(layer_type) + "]}";
}

std::string platform(const std::string& os, const std::string& architecture,
                     const std::string& variant = "") {
  return R"(,"platform":{"os":")" + os + R"(","architecture":")" + architecture +
         (variant.empty() ? "" : R"(","variant":")" + variant) + R"("})";
}

std::string message_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a challenge is read with all its values") {
  const auto found = parse_challenges(
      R"(Bearer realm="https://auth.example/token?a=b,c", service=registry.example , )"
      R"(SCOPE="repository:a/b:pull,push", error="invalid \"token\"")");
  REQUIRE(found.size() == 1);
  CHECK(found[0].scheme == "bearer");
  CHECK(found[0].values.at("realm") == "https://auth.example/token?a=b,c");
  CHECK(found[0].values.at("service") == "registry.example");
  CHECK(found[0].values.at("scope") == "repository:a/b:pull,push");
  CHECK(found[0].values.at("error") == "invalid \"token\"");
}

TEST_CASE("several challenges in one header are told apart") {
  const auto found = parse_challenges(R"(Negotiate YWJj=, Basic realm="x", Bearer realm="y")");
  REQUIRE(found.size() >= 3);
  CHECK(found[found.size() - 2].scheme == "basic");
  CHECK(found[found.size() - 2].values.at("realm") == "x");
  CHECK(found.back().scheme == "bearer");
}

TEST_CASE("no header is too strange to be read") {
  for (const char* text : {"", ",,,", "=", "\"", "Bearer", "Bearer =", "Bearer realm=", "a=\"\\",
                           "Bearer realm=\"x", "\x01\xff{}()"}) {
    CAPTURE(text);
    CHECK_NOTHROW(parse_challenges(text));
  }
}

TEST_CASE("a login is found under the registry's name, however it was written") {
  const auto read = [](const std::string& key, std::string_view domain) {
    return read_credentials(R"({"auths":{")" + key + R"(":{"auth":"dXNlcjpzZTpjcmV0"}}})", domain,
                            "config.json");
  };
  CHECK(read("registry.example", "registry.example").user == "user");
  CHECK(read("registry.example", "registry.example").password == "se:cret");
  CHECK(read("https://registry.example/v2/", "registry.example").user == "user");
  CHECK(read("https://index.docker.io/v1/", "docker.io").user == "user");
  CHECK(read("registry.example", "registry.example:5000").empty());
  CHECK(read("registry.example", "example").empty());
  CHECK(read_credentials(R"({"auths":{"a":{"identitytoken":"t"}}})", "a", "x").identity_token == "t");
  CHECK(read_credentials(R"({"credsStore":"pass"})", "a", "x").empty());
  CHECK_THROWS_AS(read_credentials("{", "a", "x"), Error);
  CHECK_THROWS_AS(read_credentials(R"({"auths":{"a":{"auth":"%%%"}}})", "a", "x"), Error);
  CHECK(Credentials{.user = "user", .password = "secret", .identity_token = {}}.basic() ==
        "Basic dXNlcjpzZWNyZXQ=");
}

TEST_CASE("only this machine's registries are spoken to without TLS") {
  for (const char* host : {"localhost", "localhost:5000", "127.0.0.1", "127.9.8.7:80", "[::1]:5000"}) {
    CHECK(is_loopback(host));
  }
  for (const char* host : {"127.example.com", "127.0.0.1.example.com", "localhost.example.com",
                           "10.0.0.1", "[::2]", "[::1", "registry:5000", ""}) {
    CHECK_FALSE(is_loopback(host));
  }
}

TEST_CASE("docker's and OCI's manifests and indexes are read") {
  const auto manifest = std::get<Manifest>(
      read_manifest(manifest_with("application/vnd.docker.image.rootfs.diff.tar.gzip"),
                    media_type::docker_manifest));
  CHECK(manifest.layers.at(0).digest == sha256("x"));
  CHECK(manifest.layers.at(0).size == 3);
  const auto index = std::get<ImageIndex>(read_manifest(
      R"({"schemaVersion":2,"manifests":[)" + descriptor("m", platform("linux", "arm64", "v8")) + "]}",
      media_type::docker_list));
  CHECK(index.manifests.at(0).platform == Platform{"linux", "arm64", "v8"});
}

TEST_CASE("what is no image, or would be two things at once, is refused with the reason") {
  const auto read = [](const std::string& json, std::string_view type = "") {
    return message_of([&] { read_manifest(json, type); });
  };
  CHECK(read("[]") == "the manifest is malformed: it is not a JSON object");
  CHECK(read(R"({"schemaVersion":1})").find("schema 1") != std::string::npos);
  CHECK(read(R"({"manifests":[],"layers":[]})").find("both") != std::string::npos);
  CHECK(read(R"({"mediaType":"a"})", "b").find("announced") != std::string::npos);
  CHECK(read(manifest_with("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"))
            .find("not distributed") != std::string::npos);
  CHECK(read(manifest_with("text/plain")).find("unknown type") != std::string::npos);
  CHECK(read(R"({"config":)" + descriptor("application/vnd.cncf.helm.config.v1+json") +
             R"(,"layers":[]})")
            .find("this is no image") == 0);
  CHECK(read(R"({"config":{"mediaType":"x","digest":"sha512:00","size":1},"layers":[]})")
            .find("not a sha256") != std::string::npos);
  CHECK(read(R"({"config":{"mediaType":"x","digest":")" + digest + R"(","size":-1},"layers":[]})")
            .find("natural number") != std::string::npos);
  CHECK(read("{}").find("the manifest is malformed") == 0);
}

TEST_CASE("the platform decides, and attestations are never chosen") {
  const auto index = std::get<ImageIndex>(read_manifest(
      R"({"manifests":[)" +
          descriptor("a", platform("unknown", "unknown") +
                              R"(,"annotations":{"vnd.docker.reference.type":"x"})") +
          "," + descriptor("b", platform("linux", "amd64")) + "," +
          descriptor("c", platform("linux", "arm64", "v8")) + "]}",
      media_type::oci_index));
  CHECK(choose_manifest(index, parse_platform("linux/amd64")).media_type == "b");
  CHECK(choose_manifest(index, parse_platform("linux/arm64")).media_type == "c");
  CHECK(message_of([&] { choose_manifest(index, parse_platform("linux/s390x")); }) ==
        "the image has no variant for linux/s390x");
}

TEST_CASE("a pipe hands all bytes on, in order, however small it is") {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i);
  BytePipe pipe(100);
  std::thread writer([&] {
    for (std::size_t at = 0; at < text.size(); at += 333) {
      pipe.write(std::as_bytes(std::span(std::string_view(text).substr(at, 333))));
    }
    pipe.close();
  });
  std::string received;
  std::byte buffer[77];
  while (const std::size_t got = pipe.read(buffer)) {
    received.append(reinterpret_cast<const char*>(buffer), got);
  }
  writer.join();
  CHECK(received == text);
}

TEST_CASE("a pipe's ends learn of each other's failure") {
  BytePipe broken(10);
  broken.close(std::make_exception_ptr(Error("the network is gone")));
  std::byte buffer[4];
  CHECK_THROWS_WITH_AS((void)broken.read(buffer), "the network is gone", Error);
  BytePipe unread(2);
  unread.give_up();
  CHECK_THROWS_AS(unread.write(buffer), Error);
}
