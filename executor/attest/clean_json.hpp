// JSON that is published. For this folder's .cpp files alone.
#pragma once

#include <executor/sources/hidden.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace slipway {

// Every text in it without what is hidden, but for digests: nobody puts a secret into one, and
// without a short one that happens to stand in it ("1234") it would say nothing any more.
inline void clean(nlohmann::ordered_json& json, const Hidden& hidden) {
  if (json.is_string()) {
    json = hidden.clean(json.get_ref<const std::string&>());
  } else if (json.is_object()) {
    for (const auto& [name, value] : json.items())
      if (name != "digest") clean(value, hidden);
  } else if (json.is_array()) {
    for (auto& value : json) clean(value, hidden);
  }
}

}  // namespace slipway
