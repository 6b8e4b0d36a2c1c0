#include <executor/sandbox/limits.hpp>

#include <ir/error.hpp>

#include <sys/resource.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway {
namespace {

struct Resource {
  std::string_view name;
  std::uint32_t number;
};
constexpr std::array resources = {
    Resource{"core", RLIMIT_CORE},         Resource{"cpu", RLIMIT_CPU},
    Resource{"data", RLIMIT_DATA},         Resource{"fsize", RLIMIT_FSIZE},
    Resource{"locks", RLIMIT_LOCKS},       Resource{"memlock", RLIMIT_MEMLOCK},
    Resource{"msgqueue", RLIMIT_MSGQUEUE}, Resource{"nice", RLIMIT_NICE},
    Resource{"nofile", RLIMIT_NOFILE},     Resource{"nproc", RLIMIT_NPROC},
    Resource{"rss", RLIMIT_RSS},           Resource{"rtprio", RLIMIT_RTPRIO},
    Resource{"rttime", RLIMIT_RTTIME},     Resource{"sigpending", RLIMIT_SIGPENDING},
    Resource{"stack", RLIMIT_STACK}};

std::optional<std::uint64_t> value_of(std::string_view text) {
  if (text == "-1" || text == "unlimited") return RLIM_INFINITY;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::vector<init::Limit> parse_limits(const std::vector<std::string>& ulimits) {
  std::vector<init::Limit> limits;
  for (const std::string& text : ulimits) {
    const std::string_view all = text;
    const std::size_t equals = all.find('=');
    const std::string_view name = all.substr(0, equals);
    std::string_view values = equals == std::string_view::npos ? "" : all.substr(equals + 1);
    const std::size_t colon = values.find(':');
    const auto soft = value_of(values.substr(0, colon));
    const auto hard = colon == std::string_view::npos ? soft : value_of(values.substr(colon + 1));
    bool known = false;
    for (const Resource& resource : resources) {
      if (resource.name != name || !soft || !hard) continue;
      known = true;
      limits.push_back({*soft, *hard, resource.number, 0});
    }
    if (!known) {
      throw Error("--ulimit " + quoted(text) + " is none").hint("for example nofile=1024:2048");
    }
    if (*soft > *hard) {
      throw Error("--ulimit " + quoted(text) + ": the soft limit is above the hard one");
    }
  }
  return limits;
}

init::Limit raise_descriptor_limit() {
  static const init::Limit before = [] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const init::Limit had{limit.rlim_cur, limit.rlim_max, RLIMIT_NOFILE, 0};
    limit.rlim_cur = limit.rlim_max;
    // Without it fewer steps can run at once, and the one that is too many says why.
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return had;
  }();
  return before;
}

}  // namespace slipway
