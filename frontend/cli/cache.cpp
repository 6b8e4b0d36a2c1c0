// slipway cache: finds the subcommand.
#include "cache.hpp"

#include <ir/error.hpp>
#include <ir/letter_case.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

const std::vector<Subcommand>& subcommands() {
  static const std::vector<Subcommand> list{
      {"why", "say why a step of the last build was a hit or a miss", declare_cache_why},
      {"show", "show all that a key is made of", declare_cache_show},
      {"diff", "show where two keys differ", declare_cache_diff},
      {"mounts", "list or remove what RUN --mount=type=cache keeps", declare_cache_mounts},
  };
  return list;
}

constexpr std::string_view digest_prefix = "sha256:";

// The digits of what is_key() takes, in lower case.
std::string digits_of(std::string_view text) {
  if (text.starts_with(digest_prefix)) text.remove_prefix(digest_prefix.size());
  return lower_case(text);
}

}  // namespace

bool is_key(std::string_view text) {
  const std::string digits = digits_of(text);
  return digits.size() >= 4 && digits.size() <= 64 &&
         digits.find_first_not_of("0123456789abcdef") == digits.npos;
}

Record find_record(RecordStore& records, const std::string& text) {
  if (!is_key(text))
    throw Error(quoted(text) + " is not a cache key")
        .hint("give at least its first four hex digits; slipway build --explain shows keys");
  const std::string digits = digits_of(text);
  const std::vector<Record> found = records.with_prefix(digits, 3);
  if (found.empty()) {
    Error error("the cache has no record of the key " + quoted(text));
    if (digits.size() == 64) {
      if (const auto key = Digest::parse_hex(digits))
        if (const auto eviction = records.eviction(CacheKey{*key}))
          throw std::move(error).hint("it was removed by " + eviction->rule);
    }
    throw std::move(error).hint("slipway cache why STEP shows the keys of the last build");
  }
  if (found.size() > 1) {
    throw Error(quoted(text) + " is the beginning of several keys")
        .hint("give more digits: " + found[0].key.hex().substr(0, digits.size() + 8) + ", " +
              found[1].key.hex().substr(0, digits.size() + 8) + " ...");
  }
  return found.front();
}

std::function<int()> declare_cache(CLI::App& app, const Globals& globals) {
  app.description(
      "Shows what the cache knows and why it decided as it did. slipway cache SUBCOMMAND --help\n"
      "tells more.");
  auto chosen = std::make_shared<std::function<int()>>();
  for (const Subcommand& subcommand : subcommands()) {
    CLI::App* const sub =
        app.add_subcommand(std::string(subcommand.name), std::string(subcommand.summary));
    sub->option_defaults()->always_capture_default(false);
    sub->fallthrough();  // --root is also taken behind the subcommand
    std::function<int()> run = subcommand.declare(*sub, globals);
    sub->final_callback([chosen, run = std::move(run)] { *chosen = run; });
  }
  app.require_subcommand(1);
  app.footer(R"(
Examples:
  slipway cache why "RUN make"          why this step of the last build ran
  slipway cache why 3/5                 the same, by its number
  slipway cache show 4f8a21c0           all that this key is made of
  slipway cache diff 4f8a21c0 90b1d2e3  where two keys differ
  slipway cache mounts                  what RUN --mount=type=cache keeps
)");
  return [chosen] { return (*chosen)(); };
}

}  // namespace slipway
