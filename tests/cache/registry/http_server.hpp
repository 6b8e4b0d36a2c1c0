// An HTTP server on 127.0.0.1 that answers whatever a test wants: what no honest server would.
// Each connection has a thread and one request; a single answer is made at a time.
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
    // Called before anything is sent: keeps the other side waiting.
    std::function<void()> delay = {};
    // Nothing is sent: the connection ends.
    bool dropped = false;
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
  mutable std::mutex mutex_;  // guards requests_, and lets in one caller of answer_
  std::vector<Request> requests_;
  std::thread thread_;
  std::vector<std::thread> conversations_;  // thread_'s alone
};
