// Connections that several threads share: one each while they ask, kept for the next.
#pragma once

#include <cache/registry/http.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace slipway {

// Thread-safe.
class HttpConnections {
 public:
  // `cancelled` as in HttpClient.
  explicit HttpConnections(std::function<bool()> cancelled) : cancelled_(std::move(cancelled)) {}

  // As HttpClient::send, over a connection that no other thread uses meanwhile.
  HttpResponse send(const HttpRequest& request, const ByteSink& sink = {});

 private:
  std::function<bool()> cancelled_;
  std::mutex mutex_;  // guards idle_
  std::vector<std::unique_ptr<HttpClient>> idle_;
};

}  // namespace slipway
