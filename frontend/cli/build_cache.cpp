#include "build_cache.hpp"

#include <ir/error.hpp>
#include "build_inputs.hpp"
#include "signals.hpp"
#include "table.hpp"

#include <cstdlib>
#include <utility>
#include <vector>

namespace slipway {
namespace {

std::string records(std::size_t n) {
  return std::to_string(n) + (n == 1 ? " record" : " records");
}

}  // namespace

CacheSpec parse_cache_spec(std::string_view text, std::string_view flag) {
  const std::string shown(flag);
  CacheSpec spec;
  spec.text = text;
  if (text.empty()) throw Error(shown + " is empty").hint(shown + " type=registry,ref=NAME");
  if (text.find('=') == std::string_view::npos) {
    // No repository's name begins so.
    if (text.front() == '/' || text.front() == '.' || text.front() == '~')
      throw Error(shown + " " + quoted(text) + " is a directory, and without a type it names a " +
                  "registry's repository")
          .hint(shown + (shown.ends_with("-to") ? " type=local,dest=" : " type=local,src=") +
                spec.text);
    spec.type = "registry";
    spec.attributes["ref"] = text;
    return spec;
  }
  for (const auto& [key, value] : parse_fields(text, flag)) {
    if (key == "type") {
      spec.type = value;
    } else if (!spec.attributes.emplace(key, value).second) {
      throw Error(shown + " has " + quoted(key) + " twice");
    }
  }
  if (spec.type == "inline" || spec.type == "gha" || spec.type == "azblob") {
    throw Error(shown + " has no type " + quoted(spec.type))
        .hint(
            "what BuildKit keeps there has keys of BuildKit's own; local, registry, http and s3 "
            "are known");
  }
  if (spec.type.empty())
    throw Error(shown + " " + quoted(text) + " has no type")
        .hint("it begins with type=local, type=registry, type=http or type=s3");
  return spec;
}

bool caches_are_read_only(const BuildRequest& request) {
  if (request.cache_read_only) return true;
  const char* const asked = std::getenv("SLIPWAY_CACHE_READ_ONLY");
  return asked != nullptr && *asked != '\0' && std::string_view(asked) != "0" &&
         std::string_view(asked) != "false";
}

SharedCacheOptions shared_cache_options(const BuildRequest& request) {
  SharedCacheOptions options;
  for (const std::string& text : request.cache_from)
    options.from.push_back(parse_cache_spec(text, "--cache-from"));
  for (const std::string& text : request.cache_to)
    options.to.push_back(parse_cache_spec(text, "--cache-to"));
  if (!request.cache_sign.empty() && options.to.empty() && request.cache_mounts_to.empty())
    throw Error("--cache-sign is about what --cache-to writes").hint("add --cache-to SPEC");
  if (!request.cache_trust.empty() && options.from.empty() && request.cache_mounts_from.empty())
    throw Error("--cache-trust is about what --cache-from reads").hint("add --cache-from SPEC");
  for (const std::string& file : request.cache_trust) options.trust.emplace_back(file);
  if (caches_are_read_only(request)) {
    options.to.clear();
  } else if (!request.cache_sign.empty()) {
    options.sign = request.cache_sign;
  }
  return options;
}

std::unique_ptr<SharedCaches> open_shared_caches(SharedCacheOptions options, Store& store,
                                                 std::function<void(const Diagnostic&)> note) {
  if (options.from.empty() && options.to.empty()) return nullptr;
  options.note = std::move(note);
  return std::make_unique<SharedCaches>(store, std::move(options));
}

int finish_shared_caches(SharedCaches& caches, Display& display) {
  if (!caches.writes()) return 0;
  const WaitUntilSignal signal;  // who is tired of waiting: nothing here is needed by anybody
  display.began("exporting cache",
                "Ctrl-C ends it: what was made is in the own store all the same");
  caches.finish([&] {
    display.tick();
    return signal.signal() != 0;
  });
  const SharedCaches::Figures figures = caches.figures();
  std::string line = records(figures.records_sent) + " sent, " + size_text(figures.bytes_sent) +
                     "; " + std::to_string(figures.records_there) + " were there";
  if (signal.signal() != 0)
    line += "; interrupted: " + std::to_string(figures.records_waiting) + " not sent";
  display.note("exporting cache", {line});
  return signal.signal();
}

std::string shared_cache_report(const SharedCaches& caches) {
  const SharedCaches::Figures figures = caches.figures();
  std::string text = "shared cache: ";
  if (caches.reads())
    text += records(figures.records_found) + " found, " + size_text(figures.bytes_received) +
            " received";
  if (caches.reads() && caches.writes()) text += "; ";
  if (caches.writes())
    text += records(figures.records_sent) + " sent, " + size_text(figures.bytes_sent);
  return text + "\n";
}

}  // namespace slipway
