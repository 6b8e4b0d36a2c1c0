#include <executor/git/remote.hpp>

#include <cache/registry/credentials.hpp>
#include <cache/registry/http.hpp>
#include <ir/remote_source.hpp>

#include <algorithm>
#include <array>
#include <span>

namespace slipway {
namespace {

constexpr std::string_view protocols = "git:http:https:ssh";

bool contains_any(std::string_view text, std::span<const std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [text](std::string_view part) {
    return text.find(part) != std::string_view::npos;
  });
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string decoded(std::string_view text) {
  const auto digit = [](char c) {
    constexpr std::string_view digits = "0123456789abcdefABCDEF";
    const std::size_t at = digits.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at < 16 ? at : at - 6);
  };
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      result += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

// user@host:path or host:path, which git takes for ssh.
bool is_scp_style(std::string_view url) {
  const std::size_t colon = url.find(':');
  return colon != std::string_view::npos && colon > 0 && url.find('/') > colon &&
         url.substr(colon, 2) != "::";
}

void require_remote(const std::string& url, const std::string& shown) {
  const auto refuse = [&](const char* why) {
    throw Error("the repository " + quoted(shown) + " " + why)
        .hint("a repository is named by a URL with http, https, ssh or git, or as user@host:path");
  };
  if (url.empty() || url.front() == '-' || has_control_characters(url)) refuse("has no URL");
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) {
    if (!is_scp_style(url)) refuse("is not fetched: it is a path or a program, not a URL");
  } else {
    const std::string_view name = std::string_view(url).substr(0, scheme);
    constexpr std::array<std::string_view, 4> allowed = {"git", "http", "https", "ssh"};
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end())
      refuse("is not fetched: this protocol is not allowed");
    if (authority_of(url).host.starts_with('-')) refuse("has a host that looks like an option");
  }
}

// What a general secret is meant for. All of GitHub, as BuildKit has it: submodules lie there too.
std::string scope_of(const std::string& url) {
  for (const char* prefix : {"https://github.com/", "https://www.github.com/"})
    if (url.starts_with(prefix)) return prefix;
  return url;
}

bool lies_below(std::string_view url, std::string_view scope) {
  if (!url.starts_with(scope)) return false;
  return url.size() == scope.size() || scope.ends_with('/') || url[scope.size()] == '/';
}

// For the shell that git starts ssh with.
std::string in_quotes(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

// A host is trusted when it is first seen, as BuildKit does, but from then on it has to have the
// same key. The user's agent gives the keys; neither files nor configuration of the user's count.
std::string ssh_command(const std::filesystem::path& known_hosts) {
  return "ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=30 -o IdentityFile=/dev/null"
         " -o StrictHostKeyChecking=accept-new -o GlobalKnownHostsFile=/dev/null -o " +
         in_quotes("UserKnownHostsFile=\"" + known_hosts.string() + "\"");
}

// The last lines that say what went wrong.
std::string last_lines(const std::string& text) {
  std::vector<std::string_view> lines;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    if (end > 0) lines.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::string result;
  const std::size_t first = lines.size() > 8 ? lines.size() - 8 : 0;
  for (std::size_t i = first; i < lines.size(); ++i) {
    std::string line(lines[i]);
    for (char& c : line)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    result += line + "\n";
  }
  return result;
}

constexpr std::string_view unreachable[] = {
    "Could not resolve host", "unable to look up",        "Connection refused",
    "Connection timed out",   "Operation timed out",      "Failed to connect",
    "Network is unreachable", "No route to host",         "unable to connect to",
    "Could not connect",      "Name or service not known"};
constexpr std::string_view refused[] = {"Authentication failed",   "could not read Username",
                                        "could not read Password", "terminal prompts disabled",
                                        "Permission denied (",     "returned error: 401",
                                        "returned error: 403"};
constexpr std::string_view host_key[] = {"Host key verification failed",
                                         "REMOTE HOST IDENTIFICATION HAS CHANGED"};
constexpr std::string_view another_name[] = {"does not match target host name",
                                             "no alternative certificate subject name"};
constexpr std::string_view untrusted[] = {"certificate verification failed",
                                          "SSL certificate problem", "error setting certificate"};
constexpr std::string_view absent[] = {"repository not exported",     "no such repository",
                                       "does not appear to be a git", "Repository not found",
                                       "returned error: 404",         "' not found"};
constexpr std::string_view not_allowed[] = {"' not allowed"};
constexpr std::string_view moved[] = {"returned error: 301", "returned error: 302",
                                      "returned error: 303", "returned error: 307",
                                      "returned error: 308"};

}  // namespace

GitRemote::GitRemote(const std::string& url, const SecretReader& secret,
                     SshAccess ssh)
    : ssh_(std::move(ssh)) {
  set_url(url);
  scope_ = scope_of(url_);
  authorize(secret, scope_);
}

GitRemote GitRemote::submodule(const std::string& url, const SecretReader& secret) const {
  GitRemote result;
  result.ssh_ = ssh_;
  result.set_url(url);
  result.scope_ = scope_;
  result.authorize(secret, scope_);
  return result;
}

void GitRemote::set_url(const std::string& url) {
  shown_ = without_credentials(url);
  require_remote(url, shown_);
  url_ = url;
  const UrlAuthority authority = authority_of(url);
  if (authority.user_info.empty() || !is_http_source(url)) return;
  // Not in the URL: git hands that to a helper as an argument, which everybody can see.
  url_.erase(url.find("://") + 3, authority.user_info.size());
  const std::string_view info = authority.user_info.substr(0, authority.user_info.size() - 1);
  const std::size_t colon = std::min(info.find(':'), info.size());
  Credentials credentials;
  credentials.user = decoded(info.substr(0, colon));
  credentials.password = decoded(info.substr(std::min(colon + 1, info.size())));
  authorization_ = credentials.basic();
  secrets_ = {std::string(info), credentials.password, authorization_.substr(6)};
}

void GitRemote::authorize(const SecretReader& secret, const std::string& scope_of_secrets) {
  if (!authorization_.empty() || !secret || !is_http_source(url_)) return;
  const std::string host = "." + std::string(authority_of(url_).host);
  const bool meant = lies_below(url_, scope_of_secrets);
  for (const char* suffix : {host.c_str(), ""}) {
    if (*suffix == '\0' && !meant) continue;
    for (const std::string name : {"GIT_AUTH_HEADER", "GIT_AUTH_TOKEN"}) {
      std::optional<std::string> value = secret(name + suffix);
      if (!value) continue;
      // A file that an editor wrote ends with a line break, which no header can hold.
      while (value->ends_with('\n') || value->ends_with('\r')) value->pop_back();
      if (has_control_characters(*value))
        throw Error("the secret " + quoted(name) + " is not one line of text");
      secrets_.push_back(*value);
      if (name == "GIT_AUTH_TOKEN") {
        Credentials credentials;
        credentials.user = "x-access-token";
        credentials.password = *value;
        value = credentials.basic();
        secrets_.push_back(value->substr(6));
      }
      authorization_ = std::move(*value);
      return;
    }
  }
}

GitCommand GitRemote::command(std::vector<std::string> arguments) const {
  GitCommand command;
  command.arguments = std::move(arguments);
  command.config = {{"remote.origin.url", url_}};
  if (!authorization_.empty()) {
    command.config.emplace_back("http." + url_ + ".extraheader",
                                "Authorization: " + authorization_);
    // git would go on to wherever it is sent with the header that was meant for this host.
    command.config.emplace_back("http.followRedirects", "false");
  }
  command.secrets = secrets_;
  command.protocols = protocols;
  command.ssh_command = ssh_command(ssh_.known_hosts);
  command.ssh_agent = ssh_.agent;
  command.patience = std::chrono::seconds(150);
  return command;
}

GitOutcome GitRemote::run(GitCommand command, const GitListener& listener) const {
  GitOutcome outcome = run_git(command, listener);
  if (outcome.ok() || authorization_.empty() || !contains_any(outcome.errors, moved))
    return outcome;
  const std::optional<GitRemote> there = redirected(listener);
  if (!there) return outcome;
  GitCommand moved_command = there->command({});
  command.config = std::move(moved_command.config);
  command.secrets.insert(command.secrets.end(), moved_command.secrets.begin(),
                         moved_command.secrets.end());
  outcome = run_git(command, listener);
  if (!outcome.ok() && there->authorization_ != authorization_)
    outcome.errors += "it redirects to " + there->shown() + ", which the credentials are not for\n";
  return outcome;
}

std::optional<GitRemote> GitRemote::redirected(const GitListener& listener) const {
  constexpr std::string_view tail = "/info/refs?service=git-upload-pack";
  HttpRequest request;
  request.url = url_ + std::string(tail);
  request.headers = {{"Git-Protocol", "version=2"}};  // the short answer
  request.authorization = authorization_;
  request.role = "the server";
  request.web = true;
  HttpClient client(listener.cancelled);
  const HttpResponse response = client.send(request, [](std::span<const std::byte>) {});
  // A base that ends otherwise is none of a repository, as git has it.
  if (!response.url.ends_with(tail)) return std::nullopt;
  GitRemote there;
  there.ssh_ = ssh_;
  there.set_url(response.url.substr(0, response.url.size() - tail.size()));
  if (there.authorization_.empty() && HttpClient::same_origin(there.url_, url_)) {
    there.authorization_ = authorization_;
    there.secrets_ = secrets_;
  }
  return there;
}

bool GitRemote::is_final(const GitOutcome& outcome) {
  const std::string& text = outcome.errors;
  return contains_any(text, unreachable) || contains_any(text, refused) ||
         contains_any(text, host_key) || contains_any(text, another_name) ||
         contains_any(text, untrusted) || contains_any(text, absent) ||
         contains_any(text, not_allowed);
}

Error GitRemote::failure(const GitOutcome& outcome) const {
  const std::string& text = outcome.errors;
  const std::string name = quoted(shown_);
  const auto error = [&]() -> Error {
    if (contains_any(text, unreachable))
      return Error("cannot reach the repository " + name)
          .hint("is the host right, and the network there?");
    if (contains_any(text, host_key)) {
      return Error("the host of the repository " + name + " has another key than before")
          .hint("if that is right, remove its line from " + ssh_.known_hosts.string());
    }
    if (contains_any(text, another_name))
      return Error("the repository " + name + " is on a host whose certificate is for another name")
          .hint("is the host right?");
    if (contains_any(text, untrusted))
      return Error("the repository " + name + " is on a host whose certificate is not trusted")
          .hint("install its certificate authority, or name it in SSL_CERT_FILE");
    if (contains_any(text, refused)) {
      return Error("the repository " + name + " does not let us in")
          .hint(!authorization_.empty()
                    ? "is the token, or the user and password, still the right one?"
                : is_http_source(url_)
                    ? "give a token: --secret id=GIT_AUTH_TOKEN,env=GIT_AUTH_TOKEN"
                    : "git uses the keys of --ssh default=KEY, else those of the agent at "
                      "SSH_AUTH_SOCK: ssh-add KEY");
    }
    if (contains_any(text, absent)) return Error("there is no repository " + name);
    if (contains_any(text, not_allowed))
      return Error("the repository " + name + " uses a protocol that is not allowed");
    return Error("git cannot fetch the repository " + name);
  };
  return error().detail(last_lines(text));
}

std::string submodule_url(const std::string& repository, const std::string& url) {
  if (!url.starts_with("./") && !url.starts_with("../")) return url;
  std::string base = repository;
  while (base.ends_with('/')) base.pop_back();
  // The end of "https://host" or "user@host": there is nothing above it.
  const std::size_t scheme = base.find("://");
  const std::size_t least = scheme == std::string::npos
                                ? std::min(base.find(':'), base.size())
                                : std::min(base.find('/', scheme + 3), base.size());
  std::string_view rest = url;
  bool after_colon = false;
  while (!rest.empty()) {
    if (rest.starts_with("./")) {
      rest.remove_prefix(2);
    } else if (rest.starts_with("../")) {
      rest.remove_prefix(3);
      const std::size_t cut = base.find_last_of(scheme == std::string::npos ? "/:" : "/");
      if (cut == std::string::npos || cut < least || after_colon) {
        throw Error("the submodule's URL " + quoted(url) +
                    " leads out of that of its repository, " +
                    quoted(without_credentials(repository)));
      }
      after_colon = base[cut] == ':';
      base.resize(cut);
    } else {
      break;
    }
  }
  return base + (after_colon ? ":" : "/") + std::string(rest);
}

bool is_object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void require_ref(const std::string& ref) {
  // git's own rules for names, so that none is an option, an expression or two names.
  constexpr std::string_view no_name[] = {"..", "//", "@{", "/.", ".lock/"};
  const bool bad = ref.starts_with('-') || ref.starts_with('/') || ref.ends_with('/') ||
                   ref.ends_with('.') || ref.size() > 4096 || has_control_characters(ref) ||
                   contains_any(ref, no_name) ||
                   ref.find_first_of(" ~^:?*[\\") != std::string::npos;
  if (bad) {
    throw Error("invalid git ref " + quoted(ref))
        .hint("it is the name of a branch or a tag, or a whole commit");
  }
}

}  // namespace slipway
