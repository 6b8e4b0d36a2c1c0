// Git repositories as sources: from what a FetchGit asks for to a commit, and from the commit to
// its files.
//
// One for a solve: whoever asks for the same ref of the same repository gets the same commit, also
// if it moves meanwhile. Thread-safe. Both functions wait for the network and for git, so they are
// called where that holds up nobody. Throws Error.
#pragma once

#include <cache/layers/store.hpp>
#include <executor/git/program.hpp>
#include <executor/git/remote.hpp>
#include <ir/operation.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace slipway {

class StateDirectory;

class GitSources {
 public:
  // Repositories are kept in the state directory, one for each remote, so that what was fetched
  // once is not fetched again.
  // `agent` is the socket of the SSH agent that git asks; empty: that of the environment.
  explicit GitSources(StateDirectory& state, SecretReader secret = nullptr,
                      std::filesystem::path agent = {});
  ~GitSources();

  // The operation with its `commit`, which has the checksum that was asked for. The remote is asked
  // unless the operation names a whole commit already.
  FetchGit resolve(const FetchGit& wanted, const GitListener& listener);

  // What of it decides about the files: two operations that give the same files have the same.
  static FetchGit identity(const FetchGit& resolved);

  // Puts the files below staging.upper(), with the modes git gives (0644, 0755), the time of the
  // commit, and the caller's owner.
  void check_out(const FetchGit& resolved, const Staging& staging, const GitListener& listener);

 private:
  struct Found {
    std::string ref;     // in full: "refs/heads/main"; empty: the remote's HEAD is no branch
    std::string object;  // what the remote says it is
    std::string commit;  // of an annotated tag: what it tags; empty: no annotated tag
  };
  Found ask(const GitRemote& remote, const std::string& ref, const GitListener& listener);
  GitRemote remote_of(const FetchGit& fetch) const;

  StateDirectory& state_;
  SecretReader secret_;
  std::filesystem::path agent_;

  std::mutex mutex_;  // guards the map; each entry has a lock of its own while it is asked for
  struct Answer {
    std::mutex mutex;
    bool known = false;
    Found found;
  };
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Answer>> answers_;
};

}  // namespace slipway
