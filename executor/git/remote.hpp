// One remote repository: how git reaches it, and what it may be told on the way.
#pragma once

#include <executor/git/program.hpp>
#include <ir/error.hpp>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// Gives a secret's bytes, or nothing if there is none of this id.
using SecretReader = std::function<std::optional<std::string>(const std::string& id)>;

// How hosts are spoken to by ssh.
struct SshAccess {
  std::filesystem::path known_hosts;  // where their keys are remembered
  std::filesystem::path agent;        // the agent's socket; empty: that of the environment
};

class GitRemote {
 public:
  // `url` as FetchGit has it, or as a submodule has it. A user and password in an http URL, and the
  // secrets GIT_AUTH_HEADER and GIT_AUTH_TOKEN, with ".HOST" behind them or alone, become a header.
  // Throws Error for what git must not be given: an option, a file, a program.
  GitRemote(const std::string& url, const SecretReader& secret, SshAccess ssh);

  // The same for a submodule, which the secrets without a host's name are sent to only if its URL
  // lies below what they are meant for.
  GitRemote submodule(const std::string& url, const SecretReader& secret) const;

  const std::string& url() const { return url_; }      // without user and password
  const std::string& shown() const { return shown_; }  // for messages

  // A command that talks to the remote, as "origin".
  GitCommand command(std::vector<std::string> arguments) const;
  // Runs such a command. Credentials go no further than this remote's own host: where that
  // redirects, it is asked where to, and git is given the new URL, with them or without.
  GitOutcome run(GitCommand command, const GitListener& listener) const;

  // What git said when it failed, as a message of our own.
  Error failure(const GitOutcome& outcome) const;
  // Whether trying again in another way is of no use: the remote cannot be reached or refuses.
  static bool is_final(const GitOutcome& outcome);

 private:
  GitRemote() = default;
  void set_url(const std::string& url);
  void authorize(const SecretReader& secret, const std::string& scope_of_secrets);
  // Where the server sends who asks it; nothing: to what is no repository.
  std::optional<GitRemote> redirected(const GitListener& listener) const;

  std::string url_;
  std::string shown_;
  std::string scope_;          // the URLs that the general secrets are meant for
  std::string authorization_;  // "Basic ..."; empty: none
  std::vector<std::string> secrets_;
  SshAccess ssh_;
};

// The URL of a submodule, which may be relative ("../other.git") to that of the repository it is
// in.
std::string submodule_url(const std::string& repository, const std::string& url);

// Throws Error for a ref that git could take for anything but the name of one.
void require_ref(const std::string& ref);

// 40 or 64 hexadecimal digits: a whole object name.
bool is_object_id(std::string_view text);

}  // namespace slipway
