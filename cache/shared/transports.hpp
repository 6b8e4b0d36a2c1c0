// One function for each type of cache, for open_transport() alone.
#pragma once

#include <cache/shared/transport.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace slipway {

struct TransportOptions {
  bool write = false;
  std::function<bool()> cancelled;  // may be empty
  std::chrono::milliseconds patience{};
};

std::unique_ptr<CacheTransport> open_local(const CacheSpec& spec, TransportOptions options);
std::unique_ptr<CacheTransport> open_http(const CacheSpec& spec, TransportOptions options);
std::unique_ptr<CacheTransport> open_registry(const CacheSpec& spec, TransportOptions options);
std::unique_ptr<CacheTransport> open_s3(const CacheSpec& spec, TransportOptions options);

}  // namespace slipway
