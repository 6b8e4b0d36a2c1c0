#include <ir/lowering/arguments.hpp>
#include <ir/letter_case.hpp>
#include <ir/nearest.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace slipway {
namespace {

constexpr std::array<std::string_view, 5> proxies = {"all_proxy", "ftp_proxy", "http_proxy",
                                                     "https_proxy", "no_proxy"};

bool is_proxy(std::string_view name) {
  return std::find(proxies.begin(), proxies.end(), lower_case(name)) != proxies.end();
}

bool is_predefined(std::string_view name) {
  constexpr std::array<std::string_view, 12> names = {
      "BUILDPLATFORM", "BUILDOS",        "BUILDOSVERSION", "BUILDARCH",
      "BUILDVARIANT",  "TARGETPLATFORM", "TARGETOS",       "TARGETOSVERSION",
      "TARGETARCH",    "TARGETVARIANT",  "TARGETSTAGE",    "SOURCE_DATE_EPOCH"};
  return is_proxy(name) || name.starts_with("BUILDKIT_") ||
         std::find(names.begin(), names.end(), name) != names.end();
}

Scope scope_of(const Dockerfile& dockerfile, const LowerOptions& options, bool only_defaults,
               Mistakes& mistakes) {
  Scope scope;
  const auto predefine = [&](const char* name, const std::string& value) {
    const auto given = options.build_args.find(name);
    scope.set(name, given == options.build_args.end() ? value : given->second);
  };
  const Platform& build = options.build_platform;
  const Platform& target = options.target_platform;
  predefine("BUILDPLATFORM", build.text());
  predefine("BUILDOS", build.os);
  predefine("BUILDOSVERSION", "");
  predefine("BUILDARCH", build.architecture);
  predefine("BUILDVARIANT", build.variant);
  predefine("TARGETPLATFORM", target.text());
  predefine("TARGETOS", target.os);
  predefine("TARGETOSVERSION", "");
  predefine("TARGETARCH", target.architecture);
  predefine("TARGETVARIANT", target.variant);
  std::string stage = options.target;
  if (stage.empty() && !dockerfile.stages.empty() && dockerfile.stages.back().from.alias)
    stage = lower_case(dockerfile.stages.back().from.alias->text);
  predefine("TARGETSTAGE", stage.empty() ? "default" : stage);

  for (const Instruction& instruction : dockerfile.global_args) {
    if (instruction.failed) scope.set_rest_unknown();
    const Arg* arg = std::get_if<Arg>(&instruction.kind);
    if (arg == nullptr) continue;
    for (const Arg::Item& item : arg->items) {
      const auto given = options.build_args.find(item.name);
      if (given != options.build_args.end() && !only_defaults) {
        scope.set(item.name, given->second);
      } else if (item.default_value) {
        if (!mistakes.attempt(item.span, [&] {
              scope.set(item.name, expand(*item.default_value, scope).text);
            }))
          scope.set_unknown(item.name);
      }
    }
  }
  return scope;
}

}  // namespace

Scope global_scope(const Dockerfile& dockerfile, const LowerOptions& options, Mistakes& mistakes) {
  return scope_of(dockerfile, options, false, mistakes);
}

Scope default_scope(const Dockerfile& dockerfile, const LowerOptions& options,
                    Mistakes& mistakes) {
  return scope_of(dockerfile, options, true, mistakes);
}

bool is_no_variable(std::string_view name) {
  return name == "BUILDKIT_SBOM_SCAN_CONTEXT" || name == "BUILDKIT_SBOM_SCAN_STAGE";
}

std::vector<std::string> proxy_environment(const std::map<std::string, std::string>& build_args) {
  std::map<std::string, std::string> values;  // by lower-case name; the last spelling counts
  for (const auto& [name, value] : build_args)
    if (is_proxy(name)) values[lower_case(name)] = value;
  std::vector<std::string> result;
  for (const auto& [name, value] : values) {
    if (value.empty()) continue;
    result.push_back(upper_case(name) + "=" + value);
    result.push_back(name + "=" + value);
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::vector<Diagnostic> unused_build_args(const Dockerfile& dockerfile,
                                          const LowerOptions& options) {
  std::set<std::string> declared;
  const auto collect = [&](const std::vector<Instruction>& instructions) {
    for (const Instruction& instruction : instructions)
      if (const Arg* arg = std::get_if<Arg>(&instruction.kind))
        for (const Arg::Item& item : arg->items) declared.insert(item.name);
  };
  collect(dockerfile.global_args);
  for (const Stage& stage : dockerfile.stages) collect(stage.instructions);

  std::vector<Diagnostic> warnings;
  for (const auto& [name, value] : options.build_args) {
    if (declared.contains(name) || is_predefined(name)) continue;
    Diagnostic warning;
    warning.message = "build argument " + slipway::quoted(name) + " is declared by no ARG";
    warning.hint = did_you_mean(name, {declared.begin(), declared.end()});
    warnings.push_back(std::move(warning));
  }
  return warnings;
}

std::vector<Diagnostic> unknown_no_cache_stages(const Dockerfile& dockerfile,
                                                const LowerOptions& options) {
  std::vector<std::string> names;
  for (const Stage& stage : dockerfile.stages)
    if (stage.from.alias) names.push_back(lower_case(stage.from.alias->text));
  std::vector<Diagnostic> warnings;
  for (const std::string& stage : options.no_cache_stages) {
    if (std::find(names.begin(), names.end(), lower_case(stage)) != names.end()) continue;
    Diagnostic warning;
    warning.message = "--no-cache-filter " + slipway::quoted(stage) + " names no stage";
    warning.hint = did_you_mean(stage, names, "a stage is named by FROM ... AS NAME");
    warnings.push_back(std::move(warning));
  }
  return warnings;
}

void Environment::set(const std::string& name, const std::string& value) {
  scope_.set(name, value);
  order_[name] = {Age::recent, next_++};
  recent_.push_back(name);
}

void Environment::set_of_image(const std::string& name, const std::string& value,
                               std::size_t place) {
  scope_.set(name, value);
  order_[name] = {Age::image, place};
}

void Environment::restart(const std::vector<std::string>& env,
                          const std::unordered_map<std::string, std::size_t>& index) {
  std::vector<std::pair<Place, std::string>> recent;
  for (std::string& name : recent_) {
    const Place place = order_[name];
    recent.emplace_back(place, std::move(name));
  }
  recent_.clear();
  std::sort(recent.begin(), recent.end());
  recent.erase(std::unique(recent.begin(), recent.end()), recent.end());
  for (const auto& [last, name] : recent) {
    const auto place = index.find(name);
    if (place == index.end()) {
      order_[name] = {Age::argument, next_++};
    } else if (!scope_.is_unknown(name)) {
      set_of_image(name, split_assignment(env[place->second]).second, place->second);
    }
  }
}

std::vector<std::string_view> Environment::ordered() const {
  std::vector<std::pair<Place, std::string_view>> names;
  names.reserve(order_.size());
  for (const auto& [name, order] : order_) names.emplace_back(order, name);
  std::sort(names.begin(), names.end());
  std::vector<std::string_view> result;
  result.reserve(names.size());
  for (const auto& [order, name] : names) result.push_back(name);
  return result;
}

std::vector<std::string> Environment::list() const {
  std::vector<std::string> result;
  for (const std::string_view name : ordered())
    result.push_back(std::string(name) + "=" + std::string(scope_.find(name).value_or("")));
  return result;
}

std::vector<std::string> Environment::names() const {
  const std::vector<std::string_view> names = ordered();
  return {names.begin(), names.end()};
}

std::pair<std::string, std::string> split_assignment(std::string_view entry) {
  const std::size_t equals = entry.find('=');
  if (equals == std::string_view::npos) return {std::string(entry), ""};
  return {std::string(entry.substr(0, equals)), std::string(entry.substr(equals + 1))};
}

}  // namespace slipway
