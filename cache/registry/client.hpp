// One repository of one registry, read through the distribution protocol (distribution-spec,
// "Pulling manifests", "Pulling blobs"; tokens: distribution's docs/spec/auth).
#pragma once

#include <cache/images/manifest.hpp>
#include <cache/registry/credentials.hpp>
#include <cache/registry/http.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>
#include <ir/reference.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace slipway {

// Thread-safe: blobs may be read side by side.
class RegistryClient {
 public:
  // Only the domain and repository of `name` count. `cancelled` as in HttpClient.
  RegistryClient(const Reference& name, Credentials credentials,
                 std::function<bool()> cancelled = {});

  struct Document {
    std::string media_type;
    std::string bytes;
    Digest digest;
  };
  // By tag, or by digest, which is then verified. Throws Error with a hint if there is none.
  Document manifest(const Reference& name);
  Document manifest(const BlobDescriptor& expected);

  // A small blob: a config. Size and digest are verified.
  std::string small_blob(const BlobDescriptor& expected, std::uint64_t limit);
  // Streams a blob. Throws Error if it is longer or shorter than expected; comparing the digest is
  // left to the one who keeps the bytes.
  void blob(const BlobDescriptor& expected, const ByteSink& sink);

 private:
  class Connection;
  HttpResponse request(const std::string& path, bool manifests, const ByteSink& sink,
                       const std::string& what);
  bool authorize(const HttpResponse& refusal, HttpClient& http);
  std::string fetch_token(const std::string& realm, const std::string& service,
                          const std::string& scope, HttpClient& http);
  Document document(const std::string& name, const std::string& what);

  std::string domain_;
  std::string repository_;
  std::string base_;  // "https://registry-1.docker.io/v2/library/debian/"
  Credentials credentials_;
  std::function<bool()> cancelled_;

  // Guards both below: the threads of one pull share a token and hand connections on.
  std::mutex mutex_;
  std::string authorization_;
  std::vector<std::unique_ptr<HttpClient>> idle_;
};

}  // namespace slipway
