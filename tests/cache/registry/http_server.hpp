// An HTTP server on 127.0.0.1 that answers whatever a test wants: what no honest server would.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

class HttpServer {
 public:
  struct Request {
    std::string method;
    std::string path;                            // with the query
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
  };
  struct Reply {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string body = {};
    // More than the body has: the connection ends before it is whole.
    std::size_t claimed_extra = 0;
    // Instead of `body`, and without a length: called with a function that sends, which gives false
    // once nobody listens any more.
    std::function<void(const std::function<bool(std::string_view)>&)> stream = {};
  };

  explicit HttpServer(std::function<Reply(const Request&)> answer);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;

  // "127.0.0.1:PORT"
  std::string address() const;
  std::vector<Request> requests() const;

 private:
  void serve();
  void converse(int connection);

  std::function<Reply(const Request&)> answer_;
  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;  // guards requests_, written by the server's thread
  std::vector<Request> requests_;
  std::thread thread_;
};
