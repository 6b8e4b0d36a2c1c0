// Real repositories behind a real `git daemon` on the loopback interface, which is free to choose
// its port.
#pragma once

#include <cache/temporary_folder.hpp>

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace slipway {

// Runs a shell script without any configuration of git's but a name for commits. Gives what it
// prints, without the last line break; fails the test if it fails.
std::string shell(const std::string& script);

class GitServer;

// A repository with its work tree, which the server exports.
class ServedRepository {
 public:
  ServedRepository(const GitServer& server, std::string name, const std::string& format);

  std::string url() const;
  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& file, const std::string& text, mode_t mode = 0644) const;
  // "git -C PATH ARGUMENTS"
  std::string git(const std::string& arguments) const;
  // Everything as it is now; gives the commit.
  std::string commit(const std::string& message) const;

 private:
  const GitServer& server_;
  std::string name_;
  std::filesystem::path path_;
};

class GitServer {
 public:
  GitServer();
  ~GitServer();
  GitServer(const GitServer&) = delete;

  ServedRepository repository(const std::string& name, const std::string& format = "sha1") {
    return ServedRepository(*this, name, format);
  }
  std::string url(const std::string& path) const {
    return "git://127.0.0.1:" + std::to_string(port_) + "/" + path;
  }
  const std::filesystem::path& path() const { return folder_.path(); }
  // How often somebody connected so far.
  std::size_t connections() const;
  // Stops it; from then on nobody answers.
  void stop();

 private:
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace slipway
