// What the caches behind plain HTTP have in common: one request a question, and a bounded answer.
#pragma once

#include <cache/registry/connections.hpp>
#include <cache/registry/http.hpp>
#include <cache/shared/transports.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// How long a cache's server may take: `patience` to begin an answer, and some bytes a second from
// then on. `brief`: for a question with a short answer, which has to end soon as well.
HttpLimits limits_for(std::chrono::milliseconds patience, bool brief);

// What a refusal says, and what to do about it. May be empty.
struct Refusal {
  std::string reason;
  std::string hint;
};

class HttpTransport : public CacheTransport {
 public:
  std::string name() const final { return name_; }

 protected:
  HttpTransport(std::string name, TransportOptions options);

  virtual Refusal explain(const HttpResponse& response) const = 0;
  // Whether it says that there is no such thing.
  virtual bool is_absence(const HttpResponse& response) const { return response.status == 404; }

  // `what` is asked for or sent, for messages. Throws Error for any status but 2xx; 404 is an
  // answer where `may_be_absent`.
  struct Purpose {
    std::string what;
    bool may_be_absent = false;
    bool brief = false;
  };
  HttpResponse send(HttpRequest request, const Purpose& purpose, const ByteSink& sink = {});

  // At most `longest` bytes, or it is an Error. Nothing: there is none.
  std::optional<std::string> read(HttpRequest request, std::size_t longest,
                                  const std::string& what);
  // As CacheTransport::blob and has_blob.
  bool read_blob(HttpRequest request, const SharedBlob& blob, const ByteSink& sink);
  bool has(HttpRequest request, const SharedBlob& blob);

 private:
  const std::string name_;
  const std::chrono::milliseconds patience_;
  HttpConnections connections_;
};

// "the blob sha256:...", for messages.
std::string text_of(const SharedBlob& blob);

}  // namespace slipway
