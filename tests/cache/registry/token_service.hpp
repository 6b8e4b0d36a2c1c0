// A token service of the tests' own, whose tokens the real registry program takes (distribution's
// docs/spec/auth/jwt.md). Needs the program openssl.
#pragma once

#include "../temporary_folder.hpp"
#include "http_server.hpp"

#include <memory>
#include <string>

class TokenService {
 public:
  // Gives what is asked for to "user" with "secret", and to nobody else.
  TokenService();

  std::string realm() const { return "http://" + server_->address() + "/token"; }
  std::string certificate() const { return (folder_ / "token.pem").string(); }
  // What it was asked for.
  std::vector<HttpServer::Request> requests() const { return server_->requests(); }

 private:
  HttpServer::Reply answer(const HttpServer::Request& request) const;
  std::string token(const std::string& query) const;

  TemporaryFolder folder_;
  std::unique_ptr<HttpServer> server_;  // once the key is there
};
