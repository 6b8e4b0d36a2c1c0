// slipway login: asks a registry whether it takes a user's credentials, and keeps them for later.
// No credential goes on a command line, into a message or a log.
#include "ask.hpp"
#include "command.hpp"
#include "print.hpp"
#include "registry_server.hpp"

#include <cache/registry/credentials.hpp>
#include <cache/registry/login.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace slipway {
namespace {

constexpr std::size_t longest_password = 64 << 10;

struct Request {
  std::string server;
  std::optional<std::string> user;
  std::optional<std::string> password;
  bool from_stdin = false;
};

void tell(const std::string& text) {
  std::fputs((text + "\n").c_str(), stderr);
}

// All of standard input, without the line break that `echo` puts behind it.
std::string password_of_stdin() {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error("read", "standard input", errno);
    if (count == 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > longest_password) throw Error("the password is longer than 64 KiB");
  }
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.find_first_not_of(" \t\r\n") == text.npos) throw Error("the password is empty");
  return text;
}

void check(const Request& request) {
  if (request.user && request.user->empty()) throw Error("the user name is empty");
  if (request.password && request.password->empty()) throw Error("the password is empty");
  const bool dash = request.password == "-";
  if (!request.from_stdin && !dash) return;
  if (request.from_stdin && request.password && !dash)
    throw Error("a password comes by --password or by --password-stdin, not by both");
  if (!request.user) throw Error("--password-stdin needs --username").hint("--username NAME");
}

// False: the registry does not take them.
bool log_in_and_keep(const std::string& domain, const Credentials& credentials) {
  const std::optional<Credentials> accepted = log_in(domain, credentials);
  if (!accepted) return false;
  const Credentials before = find_credentials(domain);
  const bool same = before.user == accepted->user && before.password == accepted->password &&
                    before.identity_token == accepted->identity_token;
  const CredentialPlace place = store_credentials(domain, *accepted);
  if (place.helper.empty() && !same && !accepted->password.empty())
    tell("\nWARNING! Your credentials are stored unencrypted in '" +
         printable(place.file.string()) +
         "'.\nName a credential helper there (\"credsStore\", \"credHelpers\") to have them kept "
         "elsewhere.\n");
  print("Login Succeeded\n");
  return true;
}

Credentials asked(const Request& request, const std::string& known_user) {
  const bool complete = request.user && request.password;
  if (!complete && ::isatty(STDIN_FILENO) != 1)
    throw Error("a login can be asked for at a terminal only, and this is none")
        .hint("--username NAME --password-stdin");
  Credentials credentials;
  credentials.user = request.user.value_or("");
  if (credentials.user.empty()) {
    credentials.user =
        ask(known_user.empty() ? "Username: " : "Username (" + printable(known_user) + "): ")
            .value_or("");
    if (credentials.user.empty()) credentials.user = known_user;
    if (credentials.user.empty()) throw Error("a user name is needed");
  }
  credentials.password =
      request.password ? *request.password : ask_secret("Password: ").value_or("");
  if (credentials.password.empty()) throw Error("a password is needed");
  return credentials;
}

int log_in_user(Request request) {
  check(request);
  if (request.from_stdin || request.password == "-") {
    request.password = password_of_stdin();
  } else if (request.password) {
    tell("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
  }
  const std::string domain = registry_domain(request.server);
  std::string known_user;
  if (!request.user && !request.password) {
    const Credentials known = find_credentials(domain);
    known_user = known.user;
    if (!known.user.empty() && !known.password.empty()) {
      tell("Authenticating with existing credentials... [Username: " + printable(known.user) +
           "]\n\n"
           " Info -> For another account, `slipway logout` first\n");
      if (log_in_and_keep(domain, known)) return 0;
      tell("Stored credentials invalid or expired");
    }
  }
  if (!log_in_and_keep(domain, asked(request, known_user)))
    throw Error(domain + " takes no such user name with this password")
        .hint("some registries want an access token in place of the password");
  return 0;
}

}  // namespace

std::function<int()> declare_login(CLI::App& app, const Globals&) {
  auto request = std::make_shared<Request>();
  app.description(
      "Checks a user name and password with a registry and keeps them, as docker does: with the "
      "credential helper that ~/.docker/config.json names, else in that file. Without a server it "
      "is "
      "the Docker Hub's.");
  app.add_option("server", request->server, "HOST[:PORT] of the registry")->type_name("SERVER");
  // Told apart from what was not given, although it may be empty.
  const auto add = [&](const char* flag, std::optional<std::string>& value, const char* what) {
    return app.add_option_function<std::string>(
        flag, [&value](const std::string& text) { value = text; }, what);
  };
  add("-u,--username", request->user, "the user name")->type_name("NAME");
  add("-p,--password", request->password,
      "the password or access token, for everybody on the machine to see; -: as --password-stdin")
      ->type_name("PASSWORD");
  app.add_flag("--password-stdin", request->from_stdin,
               "take the password or access token from standard input");
  app.footer(R"(
Examples:
  slipway login                                    asks for both
  slipway login -u me registry.example:5000        asks for the password
  pass registry | slipway login -u me --password-stdin registry.example
)");
  return [request] { return log_in_user(*request); };
}

}  // namespace slipway
