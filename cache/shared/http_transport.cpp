#include <cache/shared/http_transport.hpp>

#include <ir/error.hpp>

#include <utility>

namespace slipway {

HttpLimits limits_for(std::chrono::milliseconds patience, bool brief) {
  // A server that sends a byte now and then must not hold a build up for ever.
  return {.first_byte = patience,
          .whole = brief ? 3 * patience : std::chrono::milliseconds(0),
          .slowest = 1000};
}

std::string text_of(const SharedBlob& blob) {
  return "the blob " + blob.digest.text();
}

HttpTransport::HttpTransport(std::string name, TransportOptions options)
    : name_(std::move(name)),
      patience_(options.patience),
      connections_(std::move(options.cancelled)) {}

HttpResponse HttpTransport::send(HttpRequest request, const Purpose& purpose,
                                 const ByteSink& sink) {
  request.limits = limits_for(patience_, purpose.brief);
  const bool sends = request.upload.has_value();
  HttpResponse response = connections_.send(request, sink);
  const bool succeeded = response.status >= 200 && response.status < 300;
  if (succeeded || (purpose.may_be_absent && is_absence(response))) return response;
  const Refusal refusal = explain(response);
  const std::string status = "status " + std::to_string(response.status);
  throw Error(name_ + " answers with " + status + (sends ? " to " : " for ") + purpose.what +
              (refusal.reason.empty() ? "" : ": " + quoted(refusal.reason)))
      .hint(refusal.hint);
}

std::optional<std::string> HttpTransport::read(HttpRequest request, std::size_t longest,
                                               const std::string& what) {
  std::string bytes;
  const HttpResponse response = send(
      std::move(request), {.what = what, .may_be_absent = true, .brief = true},
      [&](std::span<const std::byte> piece) {
        if (piece.size() > longest - bytes.size()) {
          throw Error(name_ + " gives more than " + std::to_string(longest) + " bytes for " + what);
        }
        bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      });
  if (is_absence(response)) return std::nullopt;
  return bytes;
}

bool HttpTransport::read_blob(HttpRequest request, const SharedBlob& blob, const ByteSink& sink) {
  std::uint64_t received = 0;
  const auto wrong_size = [&] {
    return Error(name_ + " gives " + (received > blob.size ? "more" : "fewer") + " than the " +
                 std::to_string(blob.size) + " bytes of " + text_of(blob));
  };
  const HttpResponse response =
      send(std::move(request), {.what = text_of(blob), .may_be_absent = true},
           [&](std::span<const std::byte> piece) {
             received += piece.size();
             if (received > blob.size) throw wrong_size();
             sink(piece);
           });
  if (is_absence(response)) return false;
  if (received != blob.size) throw wrong_size();
  return true;
}

bool HttpTransport::has(HttpRequest request, const SharedBlob& blob) {
  request.head = true;
  const HttpResponse response =
      send(std::move(request), {.what = text_of(blob), .may_be_absent = true, .brief = true});
  if (is_absence(response)) return false;
  // One of another size is not the blob, whatever its name.
  const std::string length = response.header("content-length");
  return length.empty() || length == std::to_string(blob.size);
}

}  // namespace slipway
