// Build arguments that are about the build itself, not about a Dockerfile's variables.
#include <ir/lowering/arguments.hpp>
#include <ir/letter_case.hpp>
#include <ir/quantities.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace slipway {
namespace {

constexpr const char* epoch_name = "SOURCE_DATE_EPOCH";

// Where the last global ARG gives it a value; nowhere if that is a build argument.
SourceSpan place_of_epoch(const Dockerfile& dockerfile, const LowerOptions& options) {
  SourceSpan span;
  if (options.build_args.contains(epoch_name)) return span;
  for (const Instruction& instruction : dockerfile.global_args)
    if (const Arg* arg = std::get_if<Arg>(&instruction.kind))
      for (const Arg::Item& item : arg->items)
        if (item.name == epoch_name && item.default_value) span = item.default_value->span;
  return span;
}

std::optional<std::int64_t> number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// Seconds; nothing for what has no time of its own: an empty value, the build context, a named one.
std::optional<std::int64_t> read_epoch(const std::string& text, const Dockerfile& dockerfile,
                                       const LowerOptions& options, const SourceSpan& span) {
  constexpr std::int64_t first = -62167219200;  // of the year 0
  constexpr std::int64_t last = 253402300799;   // of the year 9999
  if (text.empty() || text == "context") return std::nullopt;
  if (const auto seconds = number(text)) {
    if (*seconds >= first && *seconds <= last) return seconds;
    throw Error(std::string(epoch_name) + " is beyond the year 9999, or before the year 0")
        .at(span);
  }
  if (options.contexts.contains(lower_case(text))) return std::nullopt;
  const bool stage =
      std::any_of(dockerfile.stages.begin(), dockerfile.stages.end(), [&](const Stage& each) {
        return each.from.alias && lower_case(each.from.alias->text) == lower_case(text);
      });
  if (stage) {
    throw Error(std::string(epoch_name) + " from a stage is not supported yet")
        .at(span)
        .hint("give the seconds since 1970");
  }
  throw Error("invalid " + std::string(epoch_name) + " " + quoted(text))
      .at(span)
      .hint("it is the seconds since 1970, as in 1700000000");
}

}  // namespace

BuildSettings build_settings(const Dockerfile& dockerfile, LowerOptions& options, Scope& globals) {
  const auto argument = [&](const char* name) -> std::string {
    const auto found = options.build_args.find(name);
    return found == options.build_args.end() ? "" : found->second;
  };
  BuildSettings settings;
  settings.hostname = argument("BUILDKIT_SANDBOX_HOSTNAME");
  if (settings.hostname.empty()) settings.hostname = options.hostname;
  settings.cache_namespace = argument("BUILDKIT_CACHE_MOUNT_NS");
  if (const std::string multi = argument("BUILDKIT_MULTI_PLATFORM");
      !multi.empty() && !read_boolean(multi)) {
    throw Error("invalid value " + quoted(multi) + " of BUILDKIT_MULTI_PLATFORM")
        .hint("it is true or false");
  }

  const bool given = options.build_args.contains(epoch_name);
  const std::optional<std::string_view> global = globals.find(epoch_name);
  if (!given && (!global || global->empty())) return settings;
  const std::string text = given ? argument(epoch_name) : std::string(*global);
  settings.epoch = read_epoch(text, dockerfile, options, place_of_epoch(dockerfile, options));
  if (!settings.epoch) {
    options.build_args.erase(epoch_name);
    globals.unset(epoch_name);
    return settings;
  }
  const std::string value = std::to_string(*settings.epoch);
  if (given) options.build_args[epoch_name] = value;
  if (global) globals.set(epoch_name, value);
  return settings;
}

}  // namespace slipway
