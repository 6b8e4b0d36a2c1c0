// The registry program of Debian's package docker-registry, for the length of a scope.
#pragma once

#include "../programs.hpp"
#include "../temporary_folder.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>

class DockerRegistry {
 public:
  struct Setting {
    bool password = false;   // as below
    bool read_only = false;  // takes nothing
    // Files: speaks TLS; `client_authority`: only with those that it has signed.
    std::string certificate = {}, key = {}, client_authority = {};
    // It wants tokens of the service "registry" that the issuer "tests" has signed; of `realm`.
    std::string realm = {}, token_certificate = {};
  };
  explicit DockerRegistry(const Setting& setting);
  // `password`: it wants basic authentication from the user "user"; "secret" is the one it knows.
  explicit DockerRegistry(bool password = false);
  ~DockerRegistry();
  DockerRegistry(const DockerRegistry&) = delete;

  // "127.0.0.1:PORT"
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  const TemporaryFolder& folder() const { return folder_; }
  // Where it keeps a blob, by its hexadecimal digest.
  std::filesystem::path blob(const std::string& hex) const;

 private:
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};
