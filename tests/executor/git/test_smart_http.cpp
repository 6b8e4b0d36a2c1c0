// Git over HTTP as hosts of repositories speak it, open and closed ones.
#include "../process_variables.hpp"
#include "../http/tls_front.hpp"
#include "git_build.hpp"
#include "git_server.hpp"
#include "smart_http.hpp"

#include <cache/programs.hpp>

#include <doctest/doctest.h>

#include <functional>

using namespace slipway;

namespace {

using Request = HttpServer::Request;
using Reply = HttpServer::Reply;

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return true;
}

std::string authorization(const Request& request) {
  const auto found = request.headers.find("authorization");
  return found == request.headers.end() ? "" : found->second;
}

// "x-access-token:topsecret"
constexpr const char* token = "topsecret";
constexpr const char* token_header = "Basic eC1hY2Nlc3MtdG9rZW46dG9wc2VjcmV0";

// Two commits, the first one tagged, and a host that serves them to whoever `opens` lets in.
struct Host {
  GitServer files;  // for its repositories; nobody speaks git:// here
  ServedRepository repository = files.repository("r");
  std::string first, second;
  std::string wanted;  // the Authorization that it wants; empty: none

  HttpServer server{[this](const Request& request) -> Reply {
    if (!wanted.empty() && authorization(request) != wanted)
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}, .body = "no"};
    return smart_http(files.path() / "srv", request);
  }};

  explicit Host(std::string wanted_header = "") : wanted(std::move(wanted_header)) {
    repository.write("f", "one\n");
    repository.write("sub/g", "below\n");
    first = repository.commit("one");
    repository.git("tag v1");
    repository.write("f", "two\n");
    second = repository.commit("two");
  }
  std::string url(const std::string& rest = "") const {
    return "http://" + server.address() + "/r/.git" + rest;
  }
};

std::string files_with(const TestBuild& build, const std::string& text) {
  return shell("grep -rlaF -e '" + text + "' '" +
               const_cast<TestBuild&>(build).store().state().root().string() + "' || true");
}

}  // namespace

TEST_CASE("a repository behind smart HTTP: branch, tag, commit, directory, shallow") {
  const Host host;
  TestBuild build;
  build.solve(add_git(host.url()));
  CHECK(build.file("f") == "two\n");
  build.solve(add_git(host.url("#v1")));
  CHECK(build.file("f") == "one\n");
  build.solve(add_git(host.url("#" + host.first)));
  CHECK(build.file("f") == "one\n");
  build.solve(add_git(host.url("#main:sub")));
  CHECK(build.file("g") == "below\n");
  contains(failure_of(build, add_git(host.url("#mian"))), "did you mean \"main\"?");
  contains(failure_of(build, add_git("http://" + host.server.address() + "/absent.git")),
           "there is no repository");
  // It was the real protocol, and not one file after the other.
  bool packed = false;
  for (const Request& request : host.server.requests()) {
    CHECK(request.path.find("/objects/") == std::string::npos);
    packed = packed || request.path.ends_with("/git-upload-pack");
    CHECK(authorization(request) == "");
  }
  CHECK(packed);
}

TEST_CASE("a private repository opens to its token, and to no other") {
  const Host host(token_header);
  TestBuild build;
  const std::string refused = failure_of(build, add_git(host.url()));
  contains(refused, "does not let us in");
  contains(refused, "--secret id=GIT_AUTH_TOKEN");

  build.secrets["GIT_AUTH_TOKEN"] = "wrongtoken";
  const std::string wrong = failure_of(build, add_git(host.url()));
  contains(wrong, "does not let us in");
  contains(wrong, "is the token");
  CHECK(wrong.find("error:") == wrong.rfind("error:"));
  for (const char* secret : {"wrongtoken", "d3Jvbmd0b2tlbg"}) {
    CHECK(wrong.find(secret) == std::string::npos);
    CHECK(files_with(build, secret) == "");
  }

  build.secrets["GIT_AUTH_TOKEN"] = token;
  build.solve(add_git(host.url(), "--keep-git-dir"));
  CHECK(build.file("f") == "two\n");
  CHECK(files_with(build, token) == "");
  CHECK(files_with(build, token_header + 6) == "");

  // Known files ask nobody; without the token the remote is asked, and says no.
  build.secrets.clear();
  build.solve(add_git(host.url("#" + host.second)));
  contains(failure_of(build, add_git(host.url())), "does not let us in");
}

TEST_CASE("a user and password in the URL are shown and kept nowhere") {
  const Host host("Basic bWU6dG9wc2VjcmV0");  // me:topsecret
  const auto url = [&](const std::string& user) {
    return "http://" + user + "@" + host.server.address() + "/r/.git";
  };
  TestBuild build;
  build.solve(add_git(url("me:topsecret"), "--keep-git-dir"));
  CHECK(build.file("f") == "two\n");
  CHECK(files_with(build, "topsecret") == "");
  CHECK(files_with(build, "bWU6dG9wc2VjcmV0") == "");
  const std::string wrong = failure_of(build, add_git(url("me:wrongword")));
  contains(wrong, "does not let us in");
  CHECK(files_with(build, "wrongword") == "");
}

TEST_CASE("a redirect within the host keeps the token, one to another host does not carry it") {
  Host host;
  // Where it leads; everything of it is closed but what redirects.
  std::string to;
  HttpServer front([&](const Request& request) -> Reply {
    if (authorization(request) != token_header)
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
    if (request.path.starts_with("/old/"))
      return {.status = 301, .headers = {{"Location", to + request.path.substr(4)}}};
    return smart_http(host.files.path() / "srv", request);
  });
  const std::string url = "http://" + front.address() + "/old/r/.git";
  const auto port = [](const std::string& address) { return address.substr(address.find(':')); };

  to = "http://" + front.address();
  {
    TestBuild build;
    build.secrets["GIT_AUTH_TOKEN"] = token;
    build.solve(add_git(url));
    CHECK(build.file("f") == "two\n");
  }
  for (const std::string& other :
       {host.server.address(), "localhost" + port(host.server.address())}) {
    CAPTURE(other);
    to = "http://" + other;
    TestBuild build;
    build.secrets["GIT_AUTH_TOKEN"] = token;
    build.solve(add_git(url));
    CHECK(build.file("f") == "two\n");
    CHECK_FALSE(host.server.requests().empty());
    for (const Request& request : host.server.requests()) {
      CAPTURE(request.path);
      CHECK(authorization(request) == "");
    }
  }
  // Where the other one is closed, too, it is said where the token did not go.
  host.wanted = token_header;
  TestBuild build;
  build.secrets["GIT_AUTH_TOKEN"] = token;
  const std::string refused = failure_of(build, add_git(url));
  contains(refused, "does not let us in");
  contains(refused, "redirects to " + to + "/r/.git, which the credentials are not for");
}

TEST_CASE("git trusts whom SSL_CERT_FILE names, and says what is wrong with a certificate") {
  if (!has_programs({"openssl"})) return;
  const Authority authority;
  authority.issue("server", "IP:127.0.0.1");
  authority.issue("other", "DNS:elsewhere.example");
  const Host host;
  const TlsFront front(host.server.address(), authority, "server");
  const TlsFront other(host.server.address(), authority, "other");
  const auto url = [](const TlsFront& server) { return "https://" + server.address() + "/r/.git"; };
  TestBuild build;
  const std::string untrusted = failure_of(build, add_git(url(front)));
  contains(untrusted, "whose certificate is not trusted");
  contains(untrusted, "SSL_CERT_FILE");
  const ProcessVariables trusting{{"SSL_CERT_FILE", authority.file()}};
  build.solve(add_git(url(front)));
  CHECK(build.file("f") == "two\n");
  const std::string wrong = failure_of(build, add_git(url(other)));
  contains(wrong, "whose certificate is for another name");
  CHECK(wrong.find("SSL_CERT_FILE") == std::string::npos);
}
