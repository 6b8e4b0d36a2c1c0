// Cache keys: complete by construction.
//
// A key is the sha256 of labelled parts. Those of an operation come from its fields, each one
// named by fields(); those of its inputs are added by whoever knows their trees. The parts are
// kept in the record, so two keys can be compared and a miss explained.
#pragma once

#include <ir/digest.hpp>
#include <ir/operation.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct KeyPart {
  std::string label;  // "operation", "arguments[2]", "environment[PATH]", "input[0].layer[3]"
  std::string value;
  bool operator==(const KeyPart&) const = default;
};
using KeyParts = std::vector<KeyPart>;

// The format's own number; it is part of every key, so a change of meaning changes them all.
inline constexpr std::string_view key_format = "slipway-key-1";

// Every field of the operation but its Unkeyed ones, in declaration order. Injective: two
// operations that differ in a keyed field give different parts.
KeyParts key_parts(const Operation& operation);

// sha256 over the parts, each label and value behind its length.
CacheKey cache_key(const KeyParts& parts);

// The definition digest: all fields, the unkeyed ones too, and the inputs' definitions.
DefinitionDigest definition_digest(const Operation& operation,
                                   const std::vector<DefinitionDigest>& inputs);

}  // namespace slipway
