// Which URLs and refs git is given at all.
#include <executor/git/git_sources.hpp>

#include <doctest/doctest.h>

#include <map>

using namespace slipway;

namespace {

std::string refusal(const std::string& url) {
  try {
    const GitRemote remote(url, nullptr, {"/known", {}});
    return "taken";
  } catch (const Error& error) {
    return error.what();
  }
}

// What git is told about a URL beyond the URL, by its configuration.
std::string header_of(const GitRemote& remote) {
  const GitCommand command = remote.command({"fetch"});
  for (const auto& [key, value] : command.config)
    if (key.ends_with(".extraheader")) return key + ": " + value;
  return "";
}

SecretReader secrets(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& id) -> std::optional<std::string> {
    const auto found = values.find(id);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

}  // namespace

TEST_CASE("only URLs that name a repository elsewhere are taken") {
  for (const char* url : {"https://host/r.git", "http://host:80/r", "git://host/r",
                          "ssh://git@host/r", "git@host:owner/r.git", "host:r.git"}) {
    CAPTURE(url);
    CHECK(refusal(url) == "taken");
  }
  for (const char* url :
       {"", "-u./payload", "--upload-pack=touch x", "file:///etc", "/etc/repository", "../other",
        "ext::sh -c touch% x", "fd::17", "ftp://host/r", "ssh://-oProxyCommand=x/r",
        "HTTPS://host/r", "https://host/a\nb", "transport::https://host/r", "C::\\r"}) {
    CAPTURE(url);
    CHECK(refusal(url) != "taken");
  }
}

TEST_CASE("a ref is a name, never an option or an expression") {
  for (const char* ref : {"main", "v1.2.3", "refs/heads/a/b", "feature/x-1", "HEAD"})
    CHECK_NOTHROW(require_ref(ref));
  for (const char* ref :
       {"--upload-pack=touch x", "-x", "main~1", "main^{}", "a:b", "a..b", "@{-1}", "a b", "*",
        "a\nb", "/a", "a/", "a//b", ".git/../x", "a\\b", "x.lock/y"}) {
    CAPTURE(ref);
    CHECK_THROWS_AS(require_ref(ref), Error);
  }
}

TEST_CASE("a submodule's relative URL is one beside its repository's") {
  CHECK(submodule_url("https://host/a/b.git", "../c.git") == "https://host/a/c.git");
  CHECK(submodule_url("https://host/a/b.git", "../../c") == "https://host/c");
  CHECK(submodule_url("https://host/a/b/", "./c") == "https://host/a/b/c");
  CHECK(submodule_url("git@host:a/b", "../c") == "git@host:a/c");
  CHECK(submodule_url("git@host:b", "../c") == "git@host:c");
  CHECK(submodule_url("https://host/a", "https://other/x") == "https://other/x");
  CHECK_THROWS_AS(submodule_url("https://host/a", "../../c"), Error);
  CHECK_THROWS_AS(submodule_url("git@host:a", "../../c"), Error);
}

TEST_CASE("who we are is a header, and in no URL") {
  const GitRemote with_user("https://me:pass%40word@host/r.git", nullptr, {});
  CHECK(with_user.url() == "https://host/r.git");
  CHECK(with_user.shown() == "https://xxxxx:xxxxx@host/r.git");
  // base64 of "me:pass@word"
  CHECK(header_of(with_user) ==
        "http.https://host/r.git.extraheader: Authorization: Basic bWU6cGFzc0B3b3Jk");
  const GitCommand command = with_user.command({"fetch"});
  for (const std::string& argument : command.arguments)
    CHECK(argument.find("pass") == std::string::npos);

  // As BuildKit: a header is taken as it is, a token is a password; a host's own one first.
  const auto header = [](const std::string& url, std::map<std::string, std::string> values) {
    const std::string text = header_of(GitRemote(url, secrets(std::move(values)), {}));
    const std::size_t colon = text.find(": ");
    return colon == std::string::npos ? text : text.substr(colon + 2);
  };
  const std::string url = "https://host:8443/r.git";
  CHECK(header(url, {{"GIT_AUTH_HEADER", "bearer x"}}) == "Authorization: bearer x");
  CHECK(header(url, {{"GIT_AUTH_TOKEN", "t\n"}}) ==
        "Authorization: Basic eC1hY2Nlc3MtdG9rZW46dA==");
  CHECK(header(url, {{"GIT_AUTH_HEADER", "a"}, {"GIT_AUTH_TOKEN", "t"}}) == "Authorization: a");
  CHECK(header(url, {{"GIT_AUTH_HEADER", "a"}, {"GIT_AUTH_TOKEN.host:8443", "t"}}) ==
        "Authorization: Basic eC1hY2Nlc3MtdG9rZW46dA==");
  CHECK(header(url, {{"GIT_AUTH_TOKEN.other", "t"}}) == "");
  CHECK(header("git://host/r", {{"GIT_AUTH_TOKEN", "t"}}) == "");
  CHECK_THROWS_AS(header(url, {{"GIT_AUTH_HEADER", "a\nX: y"}}), Error);
}

TEST_CASE("a submodule gets a secret only where it is meant for") {
  const auto reader = secrets({{"GIT_AUTH_HEADER", "secret"}, {"GIT_AUTH_HEADER.own", "its"}});
  const GitRemote main("https://github.com/owner/r", reader, {});
  CHECK(header_of(main.submodule("https://github.com/owner/other", reader)).ends_with(": secret"));
  CHECK(header_of(main.submodule("https://evil.example/r", reader)) == "");
  CHECK(header_of(main.submodule("https://github.com.evil.example/r", reader)) == "");
  CHECK(header_of(main.submodule("https://own/r", reader)).ends_with(": its"));
  const GitRemote elsewhere("https://host/r", reader, {});
  CHECK(header_of(elsewhere.submodule("https://host/rest", reader)) == "");
}
