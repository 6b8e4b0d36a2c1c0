// JSON from strangers. For this folder's .cpp files alone.
#pragma once

#include <executor/contents/formats.hpp>

#include <cache/json_bounds.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace slipway {

// Throws Error for what is no JSON, or asks for too much.
inline nlohmann::json read_foreign_json(std::string_view text) {
  if (!is_modest_json(text, 100, 1'000'000)) throw Error("it is nested too deeply or too large");
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) throw Error("it is no JSON");
  return json;
}

// A member that is text; empty: there is none.
inline std::string text_member(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  return field_text(found->get_ref<const std::string&>());
}

}  // namespace slipway
