// What docker-registry takes, what config.json has then, and what nobody ever sees: the password.
#include "../cache/registry/docker_registry.hpp"
#include "../cache/temporary_folder.hpp"
#include "../samples/at_terminal.hpp"
#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

using Json = nlohmann::json;

namespace {

// A person's home, with docker's configuration in it.
struct Home {
  TemporaryFolder folder;
  std::map<std::string, std::string> environment() const {
    return {{"DOCKER_CONFIG", folder.path().string()},
            {"PATH", folder.path().string() + ":" + std::getenv("PATH")}};
  }
  Outcome run(std::vector<std::string> arguments, const std::string& input = {}) const {
    return run_slipway(std::move(arguments), input, environment());
  }
  Json config() const { return Json::parse(folder.read("config.json")); }

  // docker-credential-test: keeps what it is told in a file, and how it was called in another.
  void add_helper() const {
    const std::string path = folder.path().string();
    folder.write("docker-credential-test",
                 "#!/bin/sh\n"
                 "echo \"$@\" >>" +
                     path +
                     "/calls\n"
                     "case \"$1\" in\n"
                     "store) cat >" +
                     path +
                     "/kept ;;\n"
                     "get) [ -f " +
                     path + "/kept ] && cat " + path +
                     "/kept ||\n"
                     "  { echo 'credentials not found in native keychain'; exit 1; } ;;\n"
                     "erase) rm -f " +
                     path +
                     "/kept ;;\n"
                     "esac\n");
    REQUIRE(::chmod((folder.path() / "docker-credential-test").c_str(), 0755) == 0);
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("login asks the registry, and keeps what it takes for nobody else to read") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry(true);
  const Home home;

  const Outcome refused =
      home.run({"login", "-u", "user", "--password-stdin", registry.address()}, "mistake\n");
  CHECK(refused.status == 1);
  CHECK(has(refused.err, registry.address()));
  CHECK_FALSE(has(refused.err, "mistake"));
  CHECK_FALSE(std::filesystem::exists(home.folder.path() / "config.json"));

  const Outcome taken =
      home.run({"login", "-u", "user", "--password-stdin", registry.address()}, "secret\r\n");
  CHECK(taken.status == 0);
  CHECK(taken.out == "Login Succeeded\n");
  CHECK(has(taken.err, "stored unencrypted in '" + (home.folder.path() / "config.json").string()));
  CHECK(home.config()["auths"][registry.address()]["auth"] == "dXNlcjpzZWNyZXQ=");
  struct stat status {};
  REQUIRE(::stat((home.folder.path() / "config.json").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);

  // What is kept is taken again, and not warned of twice.
  const Outcome again = home.run({"login", "http://" + registry.address() + "/v1/"});
  CHECK(again.status == 0);
  CHECK(again.out == "Login Succeeded\n");
  CHECK(has(again.err, "Authenticating with existing credentials... [Username: user]"));
  CHECK_FALSE(has(again.err, "unencrypted"));
  for (const Outcome& outcome : {refused, taken, again}) {
    CHECK_FALSE(has(outcome.out, "secret"));
    CHECK_FALSE(has(outcome.err, "secret"));
    CHECK_FALSE(has(outcome.err, "dXNlcjpzZWNyZXQ"));
  }

  const Outcome out = home.run({"logout", registry.address()});
  CHECK(out.status == 0);
  CHECK(out.out == "Removing login credentials for " + registry.address() + "\n");
  CHECK_FALSE(home.config()["auths"].contains(registry.address()));
  CHECK(home.run({"logout", registry.address()}).status == 0);
  CHECK(home.run({"logout"}).out == "Removing login credentials for https://index.docker.io/v1/\n");
  CHECK(home.run({"login", registry.address()}).status == 1);  // nobody to ask
}

TEST_CASE("a password on the command line is taken, with a warning") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry(true);
  const Home home;
  const Outcome taken = home.run({"login", "-u", "user", "-p", "secret", registry.address()});
  CHECK(taken.status == 0);
  CHECK(has(taken.err, "WARNING! Using --password via the CLI is insecure. Use --password-stdin."));
  CHECK_FALSE(has(taken.err, "secret"));
  CHECK(home.run({"login", "-u", "user", "-p", "-", registry.address()}, "secret").status == 0);
}

TEST_CASE("a credential helper keeps it instead of the file, and is told by standard input") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry(true);
  const Home home;
  home.add_helper();
  home.folder.write("config.json", "{\"credHelpers\": {\"" + registry.address() +
                                       "\": \"test\"}, \"other\": [1, 2]}");
  const Outcome taken =
      home.run({"login", "-u", "user", "--password-stdin", registry.address()}, "secret");
  CHECK(taken.status == 0);
  CHECK_FALSE(has(taken.err, "unencrypted"));
  CHECK(home.config()["other"] == Json::array({1, 2}));
  CHECK_FALSE(has(home.folder.read("config.json"), "secret"));
  CHECK_FALSE(has(home.folder.read("config.json"), "dXNlcjpzZWNyZXQ"));
  const Json kept = Json::parse(home.folder.read("kept"));
  CHECK(kept["ServerURL"] == registry.address());
  CHECK(kept["Username"] == "user");
  CHECK(kept["Secret"] == "secret");
  CHECK_FALSE(has(home.folder.read("calls"), "secret"));

  CHECK(home.run({"login", registry.address()}).out == "Login Succeeded\n");
  CHECK(home.run({"logout", registry.address()}).status == 0);
  CHECK_FALSE(std::filesystem::exists(home.folder.path() / "kept"));
}

TEST_CASE("what cannot be a login is said before any registry is asked") {
  const Home home;
  const auto complaint = [&](std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), "login");
    arguments.push_back("registry.invalid");
    const Outcome outcome = home.run(arguments, input);
    CHECK(outcome.status == 1);
    CHECK(outcome.out.empty());
    return outcome.err;
  };
  CHECK(has(complaint({"--password-stdin"}), "--password-stdin needs --username"));
  CHECK(has(complaint({"-u", "me", "-p", "hidden", "--password-stdin"}), "not by both"));
  CHECK(has(complaint({"-u", ""}), "user name is empty"));
  CHECK(has(complaint({"-u", "me", "-p", ""}), "password is empty"));
  CHECK(has(complaint({"-u", "me", "--password-stdin"}, " \n"), "password is empty"));
  CHECK(has(complaint({"-u", "me"}), "at a terminal only"));
  CHECK(has(complaint({}), "at a terminal only"));
  const Outcome named =
      home.run({"login", "-u", "me", "-p", "x", "https://me:hidden@registry.invalid"});
  CHECK(named.status == 1);
  CHECK_FALSE(has(named.err, "hidden"));
  CHECK(home.run({"login", "one", "two"}).status == 1);
}

TEST_CASE("at a terminal the password is asked for and not shown") {
  if (!has_programs({"docker-registry", "env"})) return;
  const DockerRegistry registry(true);
  const Home home;
  const std::vector<std::string> words = {"env", "DOCKER_CONFIG=" + home.folder.path().string(),
                                          SLIPWAY_PROGRAM, "login", registry.address()};
  {
    slipway::AtTerminal terminal(words);
    REQUIRE(terminal.shows("Username: "));
    terminal.type("user\n");
    REQUIRE(terminal.shows("Password: "));
    terminal.type("secret\n");
    CHECK(terminal.shows("Login Succeeded"));
    CHECK(terminal.wait() == 0);
    CHECK_FALSE(has(terminal.all(), "secret"));
  }
  REQUIRE(home.run({"logout", registry.address()}).status == 0);
  slipway::AtTerminal terminal(words);
  REQUIRE(terminal.shows("Username: "));
  terminal.type("user\n");
  REQUIRE(terminal.shows("Password: "));
  CHECK_FALSE(terminal.is_cooked());
  // Somebody gives up: their shell shows again what they type.
  terminal.type("\x03");
  CHECK(terminal.wait() == 128 + 2);
  CHECK(terminal.is_cooked());
}
