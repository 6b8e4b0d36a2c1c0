#include <cache/shared/attributes.hpp>

#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <algorithm>

namespace slipway {
namespace {

std::string cache_of(const CacheSpec& spec) {
  return "a cache of type " + quoted(spec.type);
}

// Whether buildx's attribute of that name is one, and its value what is done in any case.
bool is_done_anyway(const CacheSpec& spec, const std::string& name, const std::string& value) {
  if (name == "mode") {
    if (value == "max") return true;
    throw Error(cache_of(spec) + " cannot have " + quoted("mode=" + value))
        .hint("every step's result is shared, as with mode=max: leave it out");
  }
  if (name != "ignore-error") return false;
  if (read_boolean(value) == true) return true;
  throw Error(cache_of(spec) + " cannot have " + quoted("ignore-error=" + value))
      .hint("a cache that fails never fails a build: leave it out");
}

}  // namespace

void check_attributes(const CacheSpec& spec, const std::vector<std::string>& known) {
  for (const auto& [name, value] : spec.attributes) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (is_done_anyway(spec, name, value)) continue;
    std::string all;
    for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
    throw Error(cache_of(spec) + " has no attribute " + quoted(name))
        .hint(did_you_mean(name, known, "it knows " + all));
  }
}

std::string attribute(const CacheSpec& spec, const std::string& name) {
  const auto found = spec.attributes.find(name);
  return found == spec.attributes.end() ? std::string() : found->second;
}

std::string required_attribute(const CacheSpec& spec, const std::string& name,
                               std::string_view example) {
  std::string value = attribute(spec, name);
  if (value.empty()) {
    throw Error(cache_of(spec) + " needs the attribute " + quoted(name))
        .hint("type=" + spec.type + "," + name + "=" + std::string(example));
  }
  return value;
}

}  // namespace slipway
