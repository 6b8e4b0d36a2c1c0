#include <executor/sandbox/limits.hpp>

#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

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

std::string text_of(std::uint64_t value) {
  return value == RLIM_INFINITY ? "-1" : std::to_string(value);
}

init::Limit parse_limit(std::string_view text) {
  const auto wrong = [text](const std::string& why) {
    return Error("--ulimit " + quoted(text) + " " + why);
  };
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const auto resource =
      std::find_if(resources.begin(), resources.end(),
                   [name](const Resource& candidate) { return candidate.name == name; });
  if (resource == resources.end()) {
    std::vector<std::string> names;
    std::string all;
    for (const Resource& candidate : resources) {
      names.emplace_back(candidate.name);
      all += (all.empty() ? "" : ", ") + names.back();
    }
    throw wrong("is about no limit that there is")
        .hint(did_you_mean(name, names, "it is one of " + all));
  }
  const std::string_view values = equals == text.npos ? "" : text.substr(equals + 1);
  const std::size_t colon = values.find(':');
  const auto soft = value_of(values.substr(0, colon));
  const auto hard = colon == values.npos ? soft : value_of(values.substr(colon + 1));
  if (!soft || !hard) {
    throw wrong("is not NAME=SOFT[:HARD]").hint("for example nofile=1024:2048; -1 is no limit");
  }
  if (*soft > *hard) {
    throw wrong("has a soft limit above the hard one")
        .hint("the hard limit stands behind the colon");
  }
  return {*soft, *hard, resource->number, 0};
}

}  // namespace

std::vector<init::Limit> parse_limits(const std::vector<std::string>& ulimits) {
  std::vector<init::Limit> limits;
  for (const std::string& text : ulimits) limits.push_back(parse_limit(text));
  return limits;
}

std::vector<std::string> normal_limits(const std::vector<std::string>& ulimits) {
  std::map<std::string, std::string> by_name;
  for (const std::string& text : ulimits) {
    const init::Limit limit = parse_limit(text);
    const std::string name = text.substr(0, text.find('='));
    by_name[name] = name + "=" + text_of(limit.soft) + ":" + text_of(limit.hard);
  }
  std::vector<std::string> normal;
  for (auto& [name, text] : by_name) normal.push_back(std::move(text));
  return normal;
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
