// The repository that the store keeps for a remote: bare, shallow, ours alone. What was fetched
// once stays in it, so a second commit costs what changed.
//
//   git/HEX/          by remote and object format; made aside and renamed
//   git/HEX.lock      held while somebody works in it, by slipway and by the git it started
//   git/known_hosts   the keys of ssh hosts
//
// A ref refs/slipway/OBJECT says that the object and all it needs is here; git writes it last. A
// process may be killed at any moment: what it leaves are locks of git's and temporary files, which
// the next one removes.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/git/program.hpp>
#include <executor/git/remote.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class StateDirectory;

class SharedRepository {
 public:
  // Waits for others that work in it; stops with the solve. `object_id` tells the object format.
  SharedRepository(StateDirectory& state, const GitRemote& remote, const std::string& object_id,
                   const GitListener& listener);

  // Has the object fetched, if it is not here: by its name, or where the server does not allow that
  // with `ref`, or in the end with everything. Throws Error.
  void require(const std::string& object_id, const std::string& ref);

  const std::filesystem::path& directory() const { return directory_; }
  const GitRemote& remote() const { return remote_; }

  // A local command in it. Throws Error where git fails.
  std::string run(std::vector<std::string> arguments) const;
  GitCommand command(std::vector<std::string> arguments) const;
  const GitListener& listener() const { return listener_; }

  // Starts anew, because what is here is damaged; false: it was new already.
  bool discard_if_old();

 private:
  void make();
  void discard();
  void remove_leftovers() const;
  bool has(const std::string& object_id) const;
  // False: `failed` says why.
  bool fetch_somehow(const std::string& object_id, const std::string& ref,
                     std::optional<Error>& failed) const;
  GitOutcome fetch(std::vector<std::string> options, std::vector<std::string> refspecs) const;

  StateDirectory& state_;
  const GitRemote& remote_;
  const GitListener& listener_;
  std::filesystem::path directory_;
  bool sha256_;
  bool new_ = false;  // made just now
  FileDescriptor lock_;
};

// Runs git, and throws Error with what it said if it fails.
std::string run_local(const GitCommand& command, const GitListener& listener);

std::filesystem::path known_hosts(const StateDirectory& state);

}  // namespace slipway
