#include "json_schema.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

namespace slipway::testing {
namespace {

using nlohmann::json;

bool has_type(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  FAIL("the schema has an unknown type: " << type);
  return false;
}

}  // namespace

JsonSchema::JsonSchema(json schema) : schema_(std::move(schema)) {
  list_properties(schema_, "#");
}

void JsonSchema::list_properties(const json& schema, const std::string& place) {
  static const Names known = {"$schema",
                              "$defs",
                              "$ref",
                              "title",
                              "description",
                              "type",
                              "properties",
                              "required",
                              "additionalProperties",
                              "unevaluatedProperties",
                              "items",
                              "enum",
                              "const",
                              "oneOf",
                              "minimum"};
  for (const auto& [keyword, value] : schema.items()) {
    REQUIRE_MESSAGE(known.contains(keyword), place, " has the keyword ", keyword);
    if (keyword == "properties" || keyword == "$defs") {
      for (const auto& [name, inner] : value.items()) {
        const std::string inner_place = place + "/" + keyword + "/" + name;
        if (keyword == "properties") properties_.insert(inner_place);
        list_properties(inner, inner_place);
      }
    } else if (keyword == "items") {
      list_properties(value, place + "/items");
    } else if (keyword == "oneOf") {
      for (std::size_t i = 0; i < value.size(); ++i) {
        list_properties(value[i], place + "/oneOf/" + std::to_string(i));
      }
    } else if (keyword == "additionalProperties" || keyword == "unevaluatedProperties") {
      REQUIRE(value == false);
    }
  }
}

std::string JsonSchema::mistake(const json& document) {
  Names evaluated;
  std::string wrong = check(document, schema_, "", "#", evaluated);
  seen_.insert(shown_.begin(), shown_.end());
  shown_.clear();
  return wrong;
}

std::vector<std::string> JsonSchema::never_seen() const {
  std::vector<std::string> names;
  std::set_difference(properties_.begin(), properties_.end(), seen_.begin(), seen_.end(),
                      std::back_inserter(names));
  return names;
}

std::string JsonSchema::check(const json& value, const json& schema, const std::string& place,
                              const std::string& schema_place, Names& evaluated) {
  // First what tells the alternatives of a oneOf apart, or each would be tried to its end.
  if (const auto found = schema.find("properties"); found != schema.end() && value.is_object()) {
    for (const auto& [name, inner] : found->items()) {
      if (inner.contains("const") && value.contains(name) && value[name] != inner["const"]) {
        return place + "/" + name + " is not " + inner["const"].dump();
      }
    }
  }
  if (const auto found = schema.find("$ref"); found != schema.end()) {
    const std::string target = *found;
    const json& referred = schema_.at(json::json_pointer(target.substr(1)));
    const std::string wrong = check(value, referred, place, target, evaluated);
    if (!wrong.empty()) return wrong;
  }
  if (const auto found = schema.find("oneOf"); found != schema.end()) {
    std::string all;
    int fitting = 0;
    for (std::size_t i = 0; i < found->size(); ++i) {
      Names names;
      const std::size_t shown = shown_.size();
      const std::string wrong =
          check(value, (*found)[i], place, schema_place + "/oneOf/" + std::to_string(i), names);
      all += wrong.empty() ? "" : "\n  " + wrong;
      fitting += wrong.empty() ? 1 : 0;
      if (wrong.empty()) evaluated.merge(names);
      if (!wrong.empty()) shown_.resize(shown);  // what does not fit has shown nothing
    }
    if (fitting != 1) return place + ": " + std::to_string(fitting) + " of oneOf fit:" + all;
  }
  if (const auto found = schema.find("type"); found != schema.end() && !has_type(value, *found)) {
    return place + " is no " + std::string(*found) + ": " + value.dump();
  }
  if (const auto found = schema.find("const"); found != schema.end() && value != *found) {
    return place + " is not " + found->dump() + ": " + value.dump();
  }
  if (const auto found = schema.find("enum");
      found != schema.end() && std::find(found->begin(), found->end(), value) == found->end()) {
    return place + " is none of " + found->dump() + ": " + value.dump();
  }
  if (const auto found = schema.find("minimum");
      found != schema.end() && value.is_number() && value < *found) {
    return place + " is less than " + found->dump() + ": " + value.dump();
  }
  if (const auto found = schema.find("items"); found != schema.end() && value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      Names names;
      const std::string wrong =
          check(value[i], *found, place + "/" + std::to_string(i), schema_place + "/items", names);
      if (!wrong.empty()) return wrong;
    }
  }
  return value.is_object() ? check_object(value, schema, place, schema_place, evaluated) : "";
}

std::string JsonSchema::check_object(const json& value, const json& schema,
                                     const std::string& place, const std::string& schema_place,
                                     Names& evaluated) {
  Names own;
  if (const auto found = schema.find("properties"); found != schema.end()) {
    for (const auto& [name, inner] : found->items()) {
      if (!value.contains(name)) continue;
      const std::string inner_place = schema_place + "/properties/" + name;
      Names names;
      const std::string wrong = check(value[name], inner, place + "/" + name, inner_place, names);
      if (!wrong.empty()) return wrong;
      shown_.push_back(inner_place);
      own.insert(name);
    }
  }
  if (const auto found = schema.find("required"); found != schema.end()) {
    for (const std::string name : *found) {
      if (!value.contains(name)) return place + " has no " + name;
    }
  }
  evaluated.insert(own.begin(), own.end());
  const bool closed = schema.contains("additionalProperties");
  const bool evaluated_only = schema.contains("unevaluatedProperties");
  for (const auto& [name, inner] : value.items()) {
    if ((closed && !own.contains(name)) || (evaluated_only && !evaluated.contains(name))) {
      return place + " has " + name + ", which the schema does not know";
    }
  }
  return "";
}

}  // namespace slipway::testing
