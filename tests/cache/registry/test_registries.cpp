// What is set for registries: mirrors, insecure ones, certificates, proxies.
#include "../../executor/http/tls_front.hpp"
#include "../../executor/process_variables.hpp"
#include "../programs.hpp"
#include "../temporary_folder.hpp"
#include "client_fixture.hpp"
#include "connect_proxy.hpp"

#include <cache/registry/registries.hpp>

using namespace slipway;

namespace {

std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.find(':') + 1)));
}

// A registry with one blob, which wants a login if it has one.
struct Registry {
  explicit Registry(std::string content = "blob", std::string login = {})
      : bytes(std::move(content)), wanted(std::move(login)) {}
  std::string bytes;
  std::string wanted;
  int status = 200;
  HttpServer server{[this](const Request& request) -> Reply {
    if (!wanted.empty() && value_of(request, "authorization") != wanted)
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
    if (status != 200) return {.status = status};
    return {.body = bytes};
  }};
};

RegistryPlace at(const std::string& address, const std::string& prefix = "") {
  return {.scheme = {}, .host = address, .prefix = prefix};
}

RegistryClient client_of(const std::string& domain, RegistryTable table,
                         std::vector<std::filesystem::path> certificates = {}) {
  return RegistryClient(
      parse_reference(domain + "/app"),
      {.user = "user", .password = "secret", .identity_token = {}}, {}, little_patience,
      std::make_shared<const Registries>(std::move(table), std::move(certificates)));
}

std::string blob_from(RegistryClient& client, const std::string& bytes = "blob") {
  return client.small_blob(blob_of(bytes), 1 << 20);
}

}  // namespace

TEST_CASE("the file of registries is read, and nothing in it is guessed") {
  const RegistryTable table = read_registries(
      R"({"registries": {"docker.io": {"mirrors": ["https://mirror.example:5000/hub/", "localhost:5001"]},
                         "registry.example:5000": {"insecure": true}}})",
      "registries.json");
  REQUIRE(table.size() == 2);
  const auto& mirrors = table.at("docker.io").mirrors;
  REQUIRE(mirrors.size() == 2);
  CHECK(mirrors[0] == RegistryPlace{"https", "mirror.example:5000", "hub/"});
  CHECK(mirrors[1] == RegistryPlace{"", "localhost:5001", ""});
  CHECK_FALSE(table.at("docker.io").insecure);
  CHECK(table.at("registry.example:5000").insecure);

  const auto message = [](const std::string& text) {
    return message_of([&] { (void)read_registries(text, "f"); });
  };
  const std::string wrong = "\"f\" is malformed: ";
  CHECK(message("") == wrong + "it is not a JSON object");
  CHECK(message("[]") == wrong + "it is not a JSON object");
  CHECK(message(R"({"registry": {}})") == wrong + "\"registry\" means nothing");
  CHECK(message(R"({"registries": []})") == wrong + "\"registries\" is not an object");
  CHECK(message(R"({"registries": {"https://x": {}}})") ==
        wrong + "\"https://x\" is not a registry: HOST[:PORT]");
  CHECK(message(R"({"registries": {"x": {"insecurr": true}}})") ==
        wrong + "\"insecurr\" of \"x\" means nothing");
  CHECK(message(R"({"registries": {"x": {"insecure": "yes"}}})") ==
        wrong + "\"insecure\" of \"x\" is neither true nor false");
  CHECK(message(R"({"registries": {"x": 1}})") == wrong + "what it says of \"x\" is not an object");
  for (const char* mirror : {"1", "\"\"", "\"ftp://x\"", "\"https://\"", "\"https://u:p@x\"",
                             "\"https://x/../y\"", "\"https://x/A b\"", "\"https://x?y\""}) {
    CAPTURE(mirror);
    CHECK(message(R"({"registries": {"x": {"mirrors": [)" + std::string(mirror) + "]}}}")
              .starts_with(wrong + "a mirror of \"x\" is neither"));
  }
  std::string many = "\"m\"";
  for (int i = 0; i < 20; ++i) many += ",\"m\"";
  CHECK(message(R"({"registries": {"x": {"mirrors": [)" + many + "]}}}") ==
        wrong + "\"mirrors\" of \"x\" is not a list of at most 16");
  CHECK(message("{\"registries\":" + std::string(1000, '[')) == wrong + "it is too large");
}

TEST_CASE(
    "the user's file has the last word on a registry, and one that is named is the only one") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "slipway");
  folder.write("slipway/registries.json", R"({"registries":{"a.example":{"insecure":true}}})");
  folder.write("named.json", R"({"registries":{"b.example":{"insecure":true}}})");
  const ProcessVariables user{{"XDG_CONFIG_HOME", folder.path().string()},
                              {"SLIPWAY_REGISTRIES", ""}};
  CHECK(Registries::load().settings("a.example").insecure);
  {
    const ProcessVariables named{{"SLIPWAY_REGISTRIES", (folder / "named.json").string()}};
    CHECK(Registries::load().settings("b.example").insecure);
    CHECK_FALSE(Registries::load().settings("a.example").insecure);
  }
  const ProcessVariables missing{{"SLIPWAY_REGISTRIES", "/nonexistent.json"}};
  CHECK(message_of([] { (void)Registries::load(); }) ==
        "SLIPWAY_REGISTRIES names \"/nonexistent.json\", which is not there");
}

TEST_CASE(
    "mirrors are asked in their order, the registry last, and none gets the registry's login") {
  const Registry first("blob"), second("blob"), registry("blob", "Basic dXNlcjpzZWNyZXQ=");
  RegistryClient client =
      client_of(registry.server.address(),
                {{registry.server.address(),
                  {.mirrors = {at(first.server.address(), "hub/"), at(second.server.address())}}}});
  CHECK(blob_from(client) == "blob");
  REQUIRE(first.server.requests().size() == 1);
  CHECK(first.server.requests()[0].path == "/v2/hub/app/blobs/" + blob_of("blob").digest.text());
  CHECK(value_of(first.server.requests()[0], "authorization") == "");
  CHECK(second.server.requests().empty());
  CHECK(registry.server.requests().empty());
  // A tag as well, as docker has it; what is written goes to the registry.
  client.manifest(parse_reference(registry.server.address() + "/app:1"));
  CHECK(first.server.requests().size() == 2);
  CHECK(client.has_blob(blob_of("blob")));
  client.put_manifest("1", "application/json", "{}");
  CHECK(first.server.requests().size() == 2);
  CHECK(registry.server.requests().size() == 3);  // refused once, for the login
}

TEST_CASE("a mirror that lacks, denies, fails or lies is passed over") {
  Registry mirror("blob");
  const Registry registry("blob");
  const std::string domain = registry.server.address();
  RegistryClient client = client_of(domain, {{domain, {.mirrors = {at(mirror.server.address())}}}});
  for (const int status : {404, 401, 403, 429, 500}) {
    CAPTURE(status);
    mirror.status = status;
    const std::size_t asked = mirror.server.requests().size();
    CHECK(blob_from(client) == "blob");
    CHECK(mirror.server.requests().size() == asked + 1);  // and not again
  }
  mirror.status = 200;
  mirror.bytes = "blab";
  CHECK(blob_from(client) == "blob");
  mirror.bytes = "more than a blob";
  CHECK(blob_from(client) == "blob");
  const auto by_digest = parse_reference(domain + "/app@" + sha256("blob").text());
  mirror.bytes = "{}";
  CHECK(client.manifest(by_digest).bytes == "blob");
}

TEST_CASE("what a mirror gave before it broke is not asked for again") {
  const std::string bytes = sample_bytes(3000);
  const HttpServer mirror([&](const Request&) -> Reply {
    return {.body = bytes.substr(0, 1000), .claimed_extra = 2000};
  });
  const HttpServer registry([&](const Request& request) -> Reply {
    CHECK(value_of(request, "range") == "bytes=1000-");
    return {.status = 206,
            .headers = {{"Content-Range", "bytes 1000-2999/3000"}},
            .body = bytes.substr(1000)};
  });
  RegistryClient client =
      client_of(registry.address(), {{registry.address(), {.mirrors = {at(mirror.address())}}}});
  Collected got;
  client.blob(blob_of(bytes), got.sink);
  CHECK((got.bytes == bytes));
}

TEST_CASE("where nobody has it, each of them is told of") {
  std::string gone;
  {
    const Registry mirror;
    gone = mirror.server.address();
  }
  Registry registry;
  registry.status = 404;
  const std::string domain = registry.server.address();
  RegistryClient client = client_of(domain, {{domain, {.mirrors = {at(gone)}}}});
  try {
    client.manifest(parse_reference(domain + "/app:1"));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("registry \"" + domain + "\" has no image"));
    CHECK(error.diagnostics().back().detail.starts_with("mirror \"" + gone + "\": "));
  }
}

TEST_CASE("a mirror has a login of its own") {
  const TemporaryFolder home;
  const ProcessVariables variables{{"DOCKER_CONFIG", home.path().string()}};
  const Registry mirror("blob", "Basic bWlycm9yOnBhc3M="), registry("blob");
  home.write("config.json",
             R"({"auths":{")" + mirror.server.address() + R"(":{"auth":"bWlycm9yOnBhc3M="}}})");
  const std::string domain = registry.server.address();
  RegistryClient client = client_of(domain, {{domain, {.mirrors = {at(mirror.server.address())}}}});
  CHECK(blob_from(client) == "blob");
  CHECK(registry.server.requests().empty());
}

TEST_CASE("a registry's certificates come from docker's folders") {
  if (!has_programs({"openssl"})) return;
  const Authority authority;
  authority.issue("server", "IP:127.0.0.1");
  const Registry registry;
  const TlsFront front(registry.server.address(), authority, "server");
  const TemporaryFolder folder;
  const std::filesystem::path certificates = folder / "certs.d";
  std::filesystem::create_directories(certificates / front.address());
  const std::filesystem::path mine = certificates / front.address();
  std::filesystem::copy_file(authority.file(), mine / "ca.crt");
  RegistryClient client = client_of(front.address(), {}, {certificates});
  CHECK(blob_from(client) == "blob");

  // Another registry's folder is another registry's.
  RegistryClient other = client_of(front.address(), {}, {folder / "other"});
  CHECK(message_of([&] { blob_from(other); }) != "no error");

  std::filesystem::copy_file(authority.file(), mine / "client.cert");
  CHECK(message_of([&] { (void)client_of(front.address(), {}, {certificates}); }) ==
        "the certificate \"" + (mine / "client.cert").string() +
            "\" is there without \"client.key\"");
}

TEST_CASE("an insecure registry is spoken to with whatever it has, and no other is") {
  if (!has_programs({"openssl"})) return;
  const Authority authority;
  authority.issue("server", "DNS:elsewhere.example");
  const Registry registry;
  const TlsFront front(registry.server.address(), authority, "server");
  const ConnectProxy proxy(port_of(front.address()));
  const ProcessVariables variables{{"HTTPS_PROXY", proxy.url()}, {"https_proxy", proxy.url()}};
  RegistryClient client =
      client_of("registry.invalid", {{"registry.invalid", {.mirrors = {}, .insecure = true}}});
  CHECK(blob_from(client) == "blob");
  RegistryClient strict = client_of("registry.invalid", {});
  const std::string message = message_of([&] { blob_from(strict); });
  CAPTURE(message);
  CHECK(message.starts_with("registry \"registry.invalid\" does not answer: "));
  CHECK(registry.server.requests().size() ==
        2);  // the question whether it speaks TLS, and the blob
}

TEST_CASE("plain HTTP is spoken where that was said, and nowhere else") {
  // A proxy gets requests for plain HTTP whole.
  const Registry registry;
  const std::string proxy = "http://" + registry.server.address();
  const ProcessVariables variables{
      {"http_proxy", proxy}, {"https_proxy", "http://127.0.0.1:1"}, {"HTTPS_PROXY", ""}};
  RegistryClient client =
      client_of("registry.invalid", {{"registry.invalid", {.mirrors = {}, .insecure = true}}});
  CHECK(blob_from(client) == "blob");
  CHECK(
      registry.server.requests().back().path.starts_with("http://registry.invalid/v2/app/blobs/"));
  RegistryClient strict = client_of("registry.invalid", {});
  CHECK(message_of([&] { blob_from(strict); }) != "no error");
  CHECK(registry.server.requests().size() == 1);
}

TEST_CASE("registries are reached through a proxy, but for those that need none") {
  if (!has_programs({"openssl"})) return;
  const Authority authority;
  authority.issue("server", "DNS:registry.invalid");
  const Registry registry("blob", "Basic dXNlcjpzZWNyZXQ=");
  const TlsFront front(registry.server.address(), authority, "server");
  ConnectProxy proxy(port_of(front.address()));
  const ProcessVariables trusting{{"SSL_CERT_FILE", authority.file()}};
  SUBCASE("named in capitals") {
    const ProcessVariables variables{{"HTTPS_PROXY", proxy.url()}};
    RegistryClient client = client_of("registry.invalid", {});
    CHECK(blob_from(client) == "blob");
  }
  SUBCASE("named in small letters, with a login of its own") {
    const std::string url = "http://proxy:pass@" + proxy.url().substr(7);
    const ProcessVariables variables{{"https_proxy", url}};
    RegistryClient client = client_of("registry.invalid", {});
    CHECK(blob_from(client) == "blob");
    CHECK(proxy.asked().front().find("Proxy-Authorization: Basic cHJveHk6cGFzcw==") !=
          std::string::npos);
  }
  if (!proxy.asked().empty()) {
    CHECK(proxy.asked().front().starts_with("CONNECT registry.invalid:443 HTTP/1.1\r\n"));
    // It sees where the way leads, and nothing that goes there.
    CHECK(proxy.asked().front().find("\r\nAuthorization:") == std::string::npos);
  }
  const std::size_t before = proxy.asked().size();
  SUBCASE("not for those that are left out") {
    for (const char* name : {"NO_PROXY", "no_proxy"}) {
      const ProcessVariables variables{{"HTTPS_PROXY", proxy.url()}, {name, ".invalid,10.0.0.1"}};
      RegistryClient client = client_of("registry.invalid", {});
      CHECK(message_of([&] {
              blob_from(client);
            }).starts_with("registry \"registry.invalid\" does not answer"));
    }
    CHECK(proxy.asked().size() == before);
  }
  SUBCASE("not for this machine's") {
    const Registry here;
    const ProcessVariables variables{{"HTTPS_PROXY", proxy.url()}, {"http_proxy", proxy.url()}};
    RegistryClient client = client_of(here.server.address(), {});
    CHECK(blob_from(client) == "blob");
    CHECK(proxy.asked().size() == before);
  }
  SUBCASE("and a proxy that refuses is told of") {
    proxy.refuse("403 Forbidden");
    const ProcessVariables variables{{"HTTPS_PROXY", proxy.url()}};
    RegistryClient client = client_of("registry.invalid", {});
    const std::string message = message_of([&] { blob_from(client); });
    CAPTURE(message);
    CHECK(message.find("403") != std::string::npos);
    CHECK(registry.server.requests().empty());
  }
}
