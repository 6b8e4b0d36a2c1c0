// An HTTP cache that fails and lies as a test wants it: type=http,url=http://ADDRESS.
#pragma once

#include "../registry/http_server.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

class FaultyServer {
 public:
  enum class Fault {
    none,
    drop,         // the connection ends without an answer
    error,        // status 500
    denied,       // status 403
    stall,        // no answer comes
    stall_amid,   // half of one comes
    truncated,    // the connection ends amid the answer
    shorter,      // an answer that claims no more than it has, and has too little
    longer,       // and one with too much
    wrong_bytes,  // the right number of other bytes
    forgetful,    // takes all, keeps nothing
  };

  FaultyServer();
  ~FaultyServer();

  std::string url() const { return "http://" + server_.address(); }
  // From now on, for requests whose "METHOD /path" contains `part`.
  void fail(Fault fault, const std::string& part = "");

  // What it holds, by path: "/ac/HEX", "/cas/HEX".
  std::vector<std::string> paths() const;
  std::string at(const std::string& path) const;
  void set(const std::string& path, const std::string& bytes);
  std::vector<HttpServer::Request> requests() const { return server_.requests(); }

 private:
  HttpServer::Reply answer(const HttpServer::Request& request);
  HttpServer::Reply faulty(HttpServer::Reply reply, Fault fault);

  std::atomic<bool> ending_ = false;
  mutable std::mutex mutex_;  // guards all below
  Fault fault_ = Fault::none;
  std::string part_;
  std::map<std::string, std::string> entries_;
  HttpServer server_;  // last: it calls answer() until it is gone
};
