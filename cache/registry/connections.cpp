#include <cache/registry/connections.hpp>

#include <utility>

namespace slipway {

HttpResponse HttpConnections::send(const HttpRequest& request, const ByteSink& sink) {
  std::unique_ptr<HttpClient> http;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      http = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!http) http = std::make_unique<HttpClient>(cancelled_);
  // One that failed is not kept: what is left of it may be half an answer.
  HttpResponse response = http->send(request, sink);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(http));
  return response;
}

}  // namespace slipway
