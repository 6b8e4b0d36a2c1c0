// One repository of one registry, through the distribution protocol (distribution-spec, "Pulling
// manifests", "Pulling blobs", "Pushing"; tokens: distribution's docs/spec/auth).
#pragma once

#include <cache/images/manifest.hpp>
#include <cache/registry/connections.hpp>
#include <cache/registry/credentials.hpp>
#include <cache/registry/http.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>
#include <ir/reference.hpp>

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace slipway {

// Thread-safe: blobs may be read and put side by side.
class RegistryClient {
 public:
  // Only the domain and repository of `name` count. `cancelled` as in HttpClient; `limits` are
  // those of each request.
  RegistryClient(const Reference& name, Credentials credentials,
                 std::function<bool()> cancelled = {}, HttpLimits limits = {});

  struct Document {
    std::string media_type;
    std::string bytes;
    Digest digest;
  };
  // By tag, or by digest, which is then verified. Throws Error with a hint if there is none.
  Document manifest(const Reference& name);
  Document manifest(const BlobDescriptor& expected);
  // By tag; nothing if there is none.
  std::optional<Document> find_manifest(const std::string& tag);

  // A small blob: a config. Size and digest are verified.
  std::string small_blob(const BlobDescriptor& expected, std::uint64_t limit);
  // Streams a blob. Throws Error if it is longer or shorter than expected; comparing the digest is
  // left to the one who keeps the bytes.
  void blob(const BlobDescriptor& expected, const ByteSink& sink);
  // The same; false if there is none, and `sink` got nothing.
  bool find_blob(const BlobDescriptor& expected, const ByteSink& sink);

  // Whether it has the blob, with that size if it says one.
  bool has_blob(const BlobDescriptor& expected);
  // `bytes` are those of the descriptor: the registry verifies them. In one piece.
  void put_blob(const BlobDescriptor& blob, std::variant<std::string, FilePiece> bytes);
  // `name`: a tag, or the digest of `bytes`. What it refers to has to be there already.
  void put_manifest(const std::string& name, const std::string& media_type,
                    const std::string& bytes);

 private:
  // What a request is for.
  struct Purpose {
    std::string what;            // for messages: "blob sha256:..."
    bool may_be_absent = false;  // 404 is an answer
    bool push = false;
    bool brief = false;        // the answer is short: thrice the time to its first byte has to do
    bool may_collide = false;  // 400 and 5xx are answers
  };
  // Adds limits and authorization to what is asked for. Throws Error for any status but 2xx.
  HttpResponse request(HttpRequest request, const Purpose& purpose, const ByteSink& sink = {});
  // Until `attempt` gives 2xx, a few times.
  HttpResponse insist(const Purpose& purpose, const std::function<HttpResponse()>& attempt) const;
  [[noreturn]] void refuse(const HttpResponse& response, const Purpose& purpose) const;
  bool authorize(const HttpResponse& refusal, bool push);
  std::string fetch_token(const std::string& realm, const std::string& service,
                          const std::string& scope);
  std::optional<Document> document(const std::string& name, const Purpose& purpose);

  std::string domain_;
  std::string repository_;
  std::string base_;  // "https://registry-1.docker.io/v2/library/debian/"
  Credentials credentials_;
  HttpLimits limits_;
  HttpConnections connections_;

  std::mutex mutex_;  // guards authorization_: the threads of one pull share a token
  std::string authorization_;
};

}  // namespace slipway
