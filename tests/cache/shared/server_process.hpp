// A server program of somebody else's on 127.0.0.1, for the length of a scope.
#pragma once

#include "../temporary_folder.hpp"

#include <cache/shared/transport.hpp>

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

class ServerProcess {
 public:
  // Chooses the port it is going to listen on.
  ServerProcess();
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  const TemporaryFolder& folder() const { return folder_; }

  // Runs it until somebody listens; what it prints is shown if nobody does.
  void start(std::vector<std::string> arguments);

 private:
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

// nginx as the simplest cache: files below folder()/"files", taken by PUT. With `password` only
// from the user "user" who says "secret".
class Nginx {
 public:
  explicit Nginx(bool password = false);
  std::string address() const { return process_.address(); }
  std::uint16_t port() const { return process_.port(); }
  std::string url() const { return "http://" + address() + "/cache"; }
  const TemporaryFolder& folder() const { return process_.folder(); }

 private:
  ServerProcess process_;
};

// The S3 server of s3_server.py, which checks every signature; the key's secret, the region and the
// bucket are those that it knows.
class S3Server {
 public:
  // `refused_part`: of each upload in parts; 0: none.
  explicit S3Server(int refused_part = 0);
  std::string address() const { return process_.address(); }
  std::uint16_t port() const { return process_.port(); }
  slipway::CacheSpec spec(const std::map<std::string, std::string>& changes = {}) const;
  // What it holds and has been asked, as JSON.
  std::string state() const;

 private:
  ServerProcess process_;
};

// Whether a Python with botocore is there; says so if not.
bool has_s3_server();
