// Logins: docker's config.json, the helpers that it names, and whether a registry takes one.
#include "../../executor/process_variables.hpp"
#include "../temporary_folder.hpp"
#include "client_fixture.hpp"

#include <cache/registry/login.hpp>

#include <sys/stat.h>

using namespace slipway;

namespace {

// Docker's folder, and programs on the path before others.
struct Home {
  TemporaryFolder folder;
  ProcessVariables variables{
      {"DOCKER_CONFIG", folder.path().string()},
      {"PATH", (folder / "bin").string() + ":" + std::string(std::getenv("PATH"))}};

  void config(const std::string& json) const { folder.write("config.json", json); }
  std::string config() const { return folder.read("config.json"); }
  void program(const std::string& name, const std::string& script) const {
    std::filesystem::create_directories(folder / "bin");
    folder.write("bin/" + name, "#!/bin/sh\n" + script);
    std::filesystem::permissions(folder / "bin" / name, std::filesystem::perms::owner_all);
  }
  // A helper that keeps one login in a file, and its last call in another.
  void keeper() const {
    program("docker-credential-keeper",
            "cd " + folder.path().string() +
                "\nread -r line || :\necho \"$1 $line\" >> calls\ncase $1 in\n"
                "store) echo \"$line\" > kept ;;\n"
                "get) if test -f kept; then cat kept; else\n"
                "  echo credentials not found in native keychain; exit 1; fi ;;\n"
                "erase) rm kept ;;\nesac\n");
  }
};

const Credentials login{.user = "user", .password = "se:cret\"", .identity_token = {}};

}  // namespace

TEST_CASE("a login is written for its owner alone, and nothing else in the file is lost") {
  const Home home;
  SUBCASE("into a file that was there") {
    home.config(
        R"({"zebra": {"b": 1, "a": [2]}, "auths": {"https://registry.example/v1/": {"auth": "b2xkOm9sZA=="}, "other.example": {"auth": "dXNlcjpz"}}, "HttpHeaders": {"X": "y"}})");
    store_credentials("registry.example", login);
    CHECK(home.config().find(R"("zebra": {)") != std::string::npos);
    CHECK(home.config().find(R"("X": "y")") != std::string::npos);
    CHECK(home.config().find("b2xkOm9sZA==") == std::string::npos);  // the old one is gone
    CHECK(home.config().find("zebra") < home.config().find("HttpHeaders"));
    CHECK(find_credentials("other.example").user == "user");
  }
  SUBCASE("into a new one") {
    store_credentials("registry.example", login);
  }
  SUBCASE("into one that is a link") {
    const TemporaryFolder elsewhere;
    elsewhere.write("dotfile", "{}");
    std::filesystem::create_symlink(elsewhere / "dotfile", home.folder / "config.json");
    store_credentials("registry.example", login);
    CHECK(std::filesystem::is_symlink(home.folder / "config.json"));
    CHECK(find_credentials("registry.example").password == login.password);
    CHECK(elsewhere.read("dotfile").find("registry.example") != std::string::npos);
    return;
  }
  const Credentials found = find_credentials("registry.example");
  CHECK(found.user == login.user);
  CHECK(found.password == login.password);
  struct stat status {};
  REQUIRE(::stat((home.folder / "config.json").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(find_credentials("example").empty());
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(home.folder.path()))
    ++files;
  CHECK(files == 1);  // nothing aside

  CHECK(erase_credentials("registry.example"));
  CHECK_FALSE(erase_credentials("registry.example"));
  CHECK(find_credentials("registry.example").empty());
}

TEST_CASE("the Hub's login lies where docker has it") {
  const Home home;
  const CredentialPlace place =
      store_credentials("docker.io", {.user = "user", .password = {}, .identity_token = "token"});
  CHECK(place.file == home.folder / "config.json");
  CHECK(place.helper.empty());
  CHECK(home.config().find(R"("https://index.docker.io/v1/")") != std::string::npos);
  CHECK(find_credentials("docker.io").identity_token == "token");
  CHECK(erase_credentials("docker.io"));
}

TEST_CASE("a file that is no JSON is not overwritten") {
  const Home home;
  home.config("{not json");
  CHECK(message_of([&] { store_credentials("registry.example", login); }) ==
        "\"" + (home.folder / "config.json").string() + "\" is malformed: it is not JSON");
  CHECK(home.config() == "{not json");
  CHECK_THROWS_AS((void)find_credentials("registry.example"), Error);
}

TEST_CASE("a helper keeps the login, and the file has none of it") {
  const Home home;
  home.keeper();
  SUBCASE("for all registries") {
    home.config(R"({"credsStore":"keeper"})");
  }
  SUBCASE("for this one") {
    home.config(R"({"credsStore":"missing","credHelpers":{"registry.example:5000":"keeper"}})");
  }
  CHECK(find_credentials("registry.example:5000").empty());
  const CredentialPlace place = store_credentials("registry.example:5000", login);
  CHECK(place.helper == "keeper");
  CHECK(home.config().find("se:cret") == std::string::npos);
  CHECK(home.config().find("\"auth\"") == std::string::npos);
  CHECK(home.config().find("\"registry.example:5000\": {}") != std::string::npos);
  CHECK(home.folder.read("calls").find("\"ServerURL\":\"registry.example:5000\"") !=
        std::string::npos);

  const Credentials found = find_credentials("registry.example:5000");
  CHECK(found.user == login.user);
  CHECK(found.password == login.password);
  CHECK(found.problem.empty());
  CHECK(home.folder.read("calls").ends_with("get registry.example:5000\n"));

  CHECK(erase_credentials("registry.example:5000"));
  CHECK_FALSE(std::filesystem::exists(home.folder / "kept"));
  CHECK(home.config().find("\"registry.example:5000\": {}") == std::string::npos);
}

TEST_CASE("an identity token has no user, for a helper") {
  const Home home;
  home.keeper();
  home.config(R"({"credsStore":"keeper"})");
  store_credentials("docker.io", {.user = "user", .password = {}, .identity_token = "abc"});
  CHECK(home.folder.read("kept").find(R"("Username":"<token>")") != std::string::npos);
  CHECK(find_credentials("docker.io").identity_token == "abc");
  CHECK(find_credentials("docker.io").user.empty());
  CHECK(home.folder.read("calls").ends_with("get https://index.docker.io/v1/\n"));
}

TEST_CASE("a helper that fails is told of where it matters, and no secret with it") {
  const Home home;
  const auto problem = [] { return find_credentials("registry.example").problem; };
  home.config(R"({"credsStore":"missing"})");
  CHECK(problem() == "the credential helper \"docker-credential-missing\" is not installed");
  home.config(R"({"credsStore":"../evil"})");
  CHECK(problem() == "\"../evil\" is no name of a credential helper");
  home.config(R"({"credsStore":"bad"})");
  const std::string who = "the credential helper \"docker-credential-bad\" ";
  home.program("docker-credential-bad", "echo locked; exit 1\n");
  CHECK(problem() == who + "failed: \"locked\"");
  home.program("docker-credential-bad", R"(echo '{"Username":"","Secret":"abc"}'
)");
  CHECK(problem() == who + "failed");
  // The bare secret, where JSON should be.
  home.program("docker-credential-bad", "echo abc\n");
  CHECK(problem() == who + "failed");
  home.program("docker-credential-bad", "head -c 200000 /dev/zero\n");
  CHECK(problem() == who + "says more than 65536 bytes");
  home.program("docker-credential-bad", "exec 0<&-; kill -9 $$\n");
  CHECK(problem() == who + "failed");
  // What the file itself has is good still.
  home.config(
      R"({"credsStore":"missing","auths":{"registry.example":{"auth":"dXNlcjpzZWNyZXQ="}}})");
  CHECK(find_credentials("registry.example").password == "secret");
  CHECK(problem().empty());
  // But a login is not put where it was not meant to be.
  CHECK(message_of([&] { store_credentials("registry.example", login); }) ==
        "the credential helper \"docker-credential-missing\" is not installed");
}

TEST_CASE("a login leaves the file, whatever its helper does") {
  const Home home;
  home.config(
      R"({"credsStore":"missing","auths":{"registry.example":{"auth":"dXNlcjpzZWNyZXQ="}}})");
  CHECK(message_of([&] { (void)erase_credentials("registry.example"); }) ==
        "the credential helper \"docker-credential-missing\" is not installed");
  CHECK(home.config().find("dXNlcjpzZWNyZXQ=") == std::string::npos);
  CHECK(home.config().find("credsStore") != std::string::npos);
}

TEST_CASE("a login is tried before it is kept") {
  const Home home;
  std::string address;
  bool tokens = false;
  std::string refresh;
  const HttpServer server([&](const Request& request) -> Reply {
    const bool known = value_of(request, "authorization") == "Basic dXNlcjpzZWNyZXQ=";
    if (request.path.starts_with("/token"))
      return known ? Reply{.body = R"({"token":"t")" + refresh + "}"}
                   : Reply{.status = 401, .body = R"({"details":"incorrect password"})"};
    if (tokens && value_of(request, "authorization") != "Bearer t")
      return {.status = 401,
              .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + address + "/token\""}}};
    if (!tokens && !known)
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
    return {.body = "{}"};
  });
  address = server.address();
  const Credentials good{.user = "user", .password = "secret", .identity_token = {}};
  for (const bool with_tokens : {false, true}) {
    CAPTURE(with_tokens);
    tokens = with_tokens;
    const auto kept = log_in(address, good);
    REQUIRE(kept);
    CHECK(kept->password == "secret");
    CHECK_FALSE(log_in(address, login));
  }
  // The token service gives something to keep in place of the password.
  refresh = R"(,"refresh_token":"r")";
  const auto kept = log_in(address, good);
  REQUIRE(kept);
  CHECK(kept->identity_token == "r");
  CHECK(kept->password.empty());
  CHECK(server.requests().at(server.requests().size() - 2).path ==
        "/token?service=&offline_token=true&client_id=slipway&account=user");
}

TEST_CASE("a registry that is not there is no refusal") {
  std::string address;
  {
    const HttpServer server([](const Request&) -> Reply { return {}; });
    address = server.address();
  }
  CHECK(message_of([&] {
          (void)log_in(address, login);
        }).starts_with("registry \"" + address + "\" does not answer"));
}
