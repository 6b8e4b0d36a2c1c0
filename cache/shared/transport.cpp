#include <cache/shared/transport.hpp>

#include <cache/shared/transports.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <utility>

namespace slipway {
namespace {

struct Kind {
  const char* type;
  std::unique_ptr<CacheTransport> (*open)(const CacheSpec&, TransportOptions);
};

constexpr Kind kinds[] = {
    {"local", open_local},
    {"registry", open_registry},
    {"http", open_http},
    {"s3", open_s3},
};

}  // namespace

std::unique_ptr<CacheTransport> open_transport(const CacheSpec& spec, bool write,
                                               std::function<bool()> cancelled,
                                               std::chrono::milliseconds patience) {
  std::vector<std::string> types;
  std::string all;
  for (const Kind& kind : kinds) {
    if (spec.type == kind.type) {
      return kind.open(spec,
                       {.write = write, .cancelled = std::move(cancelled), .patience = patience});
    }
    types.emplace_back(kind.type);
    all += (all.empty() ? "" : ", ") + types.back();
  }
  if (spec.type.empty()) {
    throw Error("a cache needs a type").hint("such as type=local,dest=DIRECTORY; there are " + all);
  }
  throw Error("there is no cache of type " + quoted(spec.type))
      .hint(did_you_mean(spec.type, types, "there are " + all));
}

}  // namespace slipway
