// A JSON Schema (2020-12) and whether documents are as it says: the part of the language that our
// own schemas use.
#pragma once

#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <vector>

namespace slipway::testing {

class JsonSchema {
 public:
  // Fails the test if the schema has a keyword that is not checked here.
  explicit JsonSchema(nlohmann::json schema);

  // The first thing that is not as the schema says, with its place; empty if all is.
  std::string mistake(const nlohmann::json& document);

  // Properties of the schema that no document so far had: "#/$defs/mount/properties/uid".
  std::vector<std::string> never_seen() const;

 private:
  using Names = std::set<std::string>;
  // Adds the properties it knows to `evaluated`.
  std::string check(const nlohmann::json& value, const nlohmann::json& schema,
                    const std::string& place, const std::string& schema_place, Names& evaluated);
  std::string check_object(const nlohmann::json& value, const nlohmann::json& schema,
                           const std::string& place, const std::string& schema_place,
                           Names& evaluated);
  void list_properties(const nlohmann::json& schema, const std::string& place);

  nlohmann::json schema_;
  Names properties_;
  Names seen_;
  std::vector<std::string> shown_;  // what the current document had
};

}  // namespace slipway::testing
