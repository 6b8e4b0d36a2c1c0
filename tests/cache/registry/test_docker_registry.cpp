// The client and the real registry program, with all that it may want, and a bad network between
// them.
#include "../../executor/http/tls_front.hpp"
#include "../../executor/process_variables.hpp"
#include "../shared/faulty_proxy.hpp"
#include "client_fixture.hpp"
#include "docker_registry.hpp"
#include "token_service.hpp"

#include <cache/registry/login.hpp>
#include <cache/registry/pull.hpp>
#include <cache/registry/search.hpp>
#include <cache/store.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>

using namespace slipway;
using Json = nlohmann::json;
using Fault = FaultyProxy::Fault;

namespace {

const Credentials login{.user = "user", .password = "secret", .identity_token = {}};
const Credentials stranger{.user = "user", .password = "guess", .identity_token = {}};

RegistryClient client_at(const std::string& address, const std::string& repository,
                         const Credentials& credentials = {}, HttpLimits limits = {}) {
  return RegistryClient(parse_reference(address + "/" + repository), credentials, {}, limits);
}

void put(RegistryClient& client, const std::string& bytes) {
  client.put_blob(blob_of(bytes), bytes);
}

std::string get(RegistryClient& client, const std::string& bytes) {
  Collected got;
  client.blob(blob_of(bytes), got.sink);
  return got.bytes;
}

std::string kept(const DockerRegistry& registry, const std::string& bytes) {
  std::ifstream file(registry.blob(sha256(bytes).hex()), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// An image with one layer, under the tag 1. Gives the layer's bytes.
std::string put_image(RegistryClient& client) {
  const TemporaryFolder folder;
  folder.write("noise", sample_bytes(60'000));
  REQUIRE(
      run_command("cd " + folder.path().string() +
                  " && head -c 9000 /dev/urandom >> noise && tar -cf tar noise && gzip -k tar"));
  const std::string layer = folder.read("tar.gz");
  const std::string config =
      Json{{"os", "linux"},
           {"architecture", host_platform().architecture},
           {"config", Json::object()},
           {"rootfs", {{"type", "layers"}, {"diff_ids", {sha256(folder.read("tar")).text()}}}}}
          .dump();
  put(client, config);
  put(client, layer);
  BlobDescriptor layer_blob = blob_of(layer), config_blob = blob_of(config);
  layer_blob.media_type = std::string(media_type::oci_layer) + "+gzip";
  config_blob.media_type = media_type::oci_config;
  client.put_manifest("1", std::string(media_type::oci_manifest),
                      write_manifest({.config = config_blob, .layers = {layer_blob}}));
  return layer;
}

}  // namespace

TEST_CASE("a registry with TLS of its own authority wants our certificate, and gets it") {
  if (!has_programs({"docker-registry", "openssl"})) return;
  const Authority authority;
  authority.issue("server", "IP:127.0.0.1");
  authority.issue("client", "DNS:client");
  const DockerRegistry registry({.certificate = authority.path("server.pem"),
                                 .key = authority.path("server.key"),
                                 .client_authority = authority.file()});
  const TemporaryFolder home;
  const std::filesystem::path folder = home / ("certs.d/" + registry.address());
  const ProcessVariables variables{{"DOCKER_CONFIG", home.path().string()}};
  {
    RegistryClient plain = client_at(registry.address(), "app");
    CHECK(hint_of([&] { plain.tags(); }).starts_with("it speaks TLS: put its authority's"));
  }
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(authority.file(), folder / "ca.crt");
  {
    RegistryClient unknown = client_at(registry.address(), "app");
    const std::string message = message_of([&] { put(unknown, "blob"); });
    CAPTURE(message);
    CHECK(message.starts_with("registry \"" + registry.address() + "\""));
  }
  std::filesystem::copy_file(authority.path("client.pem"), folder / "client.cert");
  std::filesystem::copy_file(authority.path("client.key"), folder / "client.key");
  RegistryClient client = client_at(registry.address(), "app");
  put(client, "blob");
  CHECK(get(client, "blob") == "blob");
}

TEST_CASE("a registry with a password file takes the login that it knows") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry(true);
  CHECK(log_in(registry.address(), login));
  CHECK_FALSE(log_in(registry.address(), stranger));
  CHECK_FALSE(log_in(registry.address(), {}));
  RegistryClient client = client_at(registry.address(), "app", login);
  put(client, "blob");
  CHECK(get(client, "blob") == "blob");
  RegistryClient nobody = client_at(registry.address(), "app");
  CHECK(message_of([&] { get(nobody, "blob"); }) ==
        "registry \"" + registry.address() +
            "\" denies access to \"app\": \"authentication required\"");
}

TEST_CASE("a registry with a token service takes what that gives") {
  if (!has_programs({"docker-registry", "openssl"})) return;
  const TokenService tokens;
  const DockerRegistry registry(
      {.realm = tokens.realm(), .token_certificate = tokens.certificate()});
  CHECK(log_in(registry.address(), login));
  CHECK_FALSE(log_in(registry.address(), stranger));
  RegistryClient client = client_at(registry.address(), "team/base", login);
  put(client, "blob");
  CHECK(get(client, "blob") == "blob");
  // For another repository another token; for mounting one for both.
  RegistryClient app = client_at(registry.address(), "team/app", login);
  CHECK(app.mount_blob(sha256("blob"), "team/base"));
  CHECK(app.has_blob(blob_of("blob")));
  CHECK_FALSE(app.mount_blob(sha256("none"), "team/base"));
  put(app, "none");
  CHECK(get(app, "none") == "none");
  CHECK(search_registry(registry.address(), "base", 10, login).found.size() == 1);
  RegistryClient wrong = client_at(registry.address(), "team/app", stranger);
  CHECK(message_of([&] { get(wrong, "blob"); }) ==
        "registry \"" + registry.address() + "\" denies access to \"team/app\": \"who are you?\"");
}

TEST_CASE("blobs are mounted from one repository into another, and tags and repositories listed") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry;
  RegistryClient base = client_at(registry.address(), "base");
  put(base, "blob");
  RegistryClient app = client_at(registry.address(), "app");
  CHECK(app.mount_blob(sha256("blob"), "base"));
  CHECK(get(app, "blob") == "blob");
  CHECK_FALSE(app.mount_blob(sha256("other"), "base"));
  put(app, "other");  // over the upload that was begun instead
  CHECK(kept(registry, "other") == "other");

  put_image(app);
  const auto image = app.find_manifest("1");
  REQUIRE(image);
  for (const char* tag : {"2", "3", "latest"})
    app.put_manifest(tag, image->media_type, image->bytes);
  std::vector<std::string> tags = app.tags();
  std::sort(tags.begin(), tags.end());  // it gives them as its disk does
  CHECK((tags == std::vector<std::string>{"1", "2", "3", "latest"}));
  CHECK(message_of([&] {
          client_at(registry.address(), "none").tags();
        }).starts_with("registry \"" + registry.address() + "\" has no repository \"none\""));
  const auto found = search_registry(registry.address(), "ap", 10, {});
  CHECK(found.names_only);
  REQUIRE(found.found.size() == 1);
  CHECK(found.found[0].name == "app");

  // It keeps no list of what refers to an image: a tag does.
  CHECK(app.referrers(image->digest).empty());
  Json signature = Json::parse(image->bytes);
  signature["mediaType"] = media_type::oci_manifest;
  signature["artifactType"] = "application/example";
  signature["subject"] = {{"mediaType", image->media_type},
                          {"digest", image->digest.text()},
                          {"size", image->bytes.size()}};
  const std::string text = signature.dump();
  app.put_manifest(sha256(text).text(), std::string(media_type::oci_manifest), text);
  const auto referrers = app.referrers(image->digest, "application/example");
  REQUIRE(referrers.size() == 1);
  CHECK(app.manifest(referrers[0].manifest).bytes == text);
}

TEST_CASE("a registry that is read-only says so") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry({.read_only = true});
  RegistryClient client = client_at(registry.address(), "app");
  CHECK(message_of([&] {
          put(client, "blob");
        }).starts_with("registry \"" + registry.address() + "\" does not take "));
  CHECK_FALSE(client.mount_blob(sha256("blob"), "base"));
  CHECK(message_of([&] {
          client.put_manifest("1", "application/json", "{}");
        }).starts_with("registry \"" + registry.address() + "\" does not take manifest \"1\""));
}

TEST_CASE("an upload in pieces that breaks goes on, in the same process and in the next") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry;
  FaultyProxy proxy(registry.port());
  const std::string bytes = sample_bytes(3'000'000);
  RegistryClient client = client_at(proxy.address(), "app");
  BlobUpload how{.piece = 300'000};

  SUBCASE("in the same") {
    // Breaks amid a piece, and once again later.
    int breaks = 0;
    how.sent = [&](std::uint64_t sent) {
      const bool now = (breaks == 0 && sent > 1'000'000) || (breaks == 1 && sent > 2'000'000);
      if (now) ++breaks;
      proxy.fail(now ? Fault::drop : Fault::none);
    };
    client.put_blob(blob_of(bytes), bytes, how);
    CHECK(breaks == 2);
  }
  SUBCASE("in the next") {
    // This registry's uploads go on between two pieces. One that was torn is lost with all before
    // it: it holds the bytes that it has against those that the place told of, and drops the upload
    // where they differ. Then the blob is sent from its beginning.
    bool torn = false;
    SUBCASE("after a piece") {}
    SUBCASE("amid one") {
      torn = true;
    }
    CAPTURE(torn);
    std::string place;
    int pieces = -1;  // the beginning moves it as well
    how.moved = [&](const std::string& now) {
      place = now;
      if (++pieces == 5 && !torn) throw Error("killed");
    };
    how.sent = [&](std::uint64_t sent) {
      if (sent > 1'600'000) throw Error("killed");
    };
    CHECK(message_of([&] { client.put_blob(blob_of(bytes), bytes, how); }) == "killed");
    REQUIRE_FALSE(place.empty());
    RegistryClient next = client_at(proxy.address(), "app");
    std::uint64_t first = bytes.size();
    next.put_blob(blob_of(bytes), bytes,
                  {.sent = [&](std::uint64_t sent) { first = std::min(first, sent); },
                   .location = place,
                   .moved = [&](const std::string& now) { place = now; },
                   .piece = 300'000});
    CHECK(first == (torn ? 0 : 1'500'000));
    CHECK(place.empty());
  }
  CHECK((kept(registry, bytes) == bytes));
}

TEST_CASE("a blob in one piece is put again when the connection breaks") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry;
  FaultyProxy proxy(registry.port());
  const std::string bytes = sample_bytes(2'000'000);
  RegistryClient client = client_at(proxy.address(), "app");
  bool broken = false;
  client.put_blob(blob_of(bytes), bytes, {.sent = [&](std::uint64_t sent) {
                    const bool now = !broken && sent > 500'000;
                    broken = broken || now;
                    proxy.fail(now ? Fault::drop : Fault::none);
                  }});
  CHECK(broken);
  CHECK((kept(registry, bytes) == bytes));
}

TEST_CASE("a pull over connections that break at any kilobyte is whole, or an error and nothing") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry;
  RegistryClient direct = client_at(registry.address(), "app");
  const std::string layer = put_image(direct);
  FaultyProxy proxy(registry.port());
  const Reference name = parse_reference(proxy.address() + "/app:1");
  int whole = 0;
  for (std::size_t after = 1024; after < layer.size() + 2048; after += 1024) {
    CAPTURE(after);
    const TemporaryFolder state;
    {
      Store store(state / "store");
      PullProgress progress;
      proxy.fail(Fault::cut, after);
      const std::string message = message_of([&] { pull(store, name, host_platform(), progress); });
      proxy.fail(Fault::none);
      CAPTURE(message);
      if (message == "no error") {
        ++whole;
        CHECK(store.images().find(name)->layers.size() == 1);
      } else {
        CHECK(message.starts_with("registry \"" + proxy.address() + "\" "));
        CHECK(store.images().list().empty());
      }
    }
    std::size_t left = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(state / "store/work"))
      left += entry.is_regular_file() ? 1 : 0;
    CHECK(left == 0);
  }
  CHECK(whole > 0);
  MESSAGE(whole << " pulls were whole");
}
