// An ssh-agent with keys that files hold.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/spawn.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace slipway {

// OpenSSH's, started for the build. It is gone with this object, and with the thread that made it.
class KeyAgent {
 public:
  // Throws Error where a file holds no key, or one with a passphrase.
  explicit KeyAgent(const std::vector<std::filesystem::path>& keys);

  // Where to connect to it: a path for this user's processes, with no name on any disk.
  std::filesystem::path socket() const;

 private:
  void start(const std::filesystem::path& folder);
  void add(const std::filesystem::path& key);

  std::unique_ptr<ChildProcess> agent_;
  FileDescriptor socket_;  // O_PATH
};

}  // namespace slipway
