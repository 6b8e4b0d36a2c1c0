// What a spec says of its cache: "type=s3,bucket=...". For the transports.
//
// No message quotes a value or the spec's text: there may be a password in it.
#pragma once

#include <cache/shared/transport.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Throws Error for an attribute that is not one of `known`. What buildx has for every type is known
// if it says what slipway does anyway: mode=max, ignore-error=true.
void check_attributes(const CacheSpec& spec, const std::vector<std::string>& known);

// Empty if it is not there.
std::string attribute(const CacheSpec& spec, const std::string& name);
// Throws Error if it is not there; `example` is a value for the hint.
std::string required_attribute(const CacheSpec& spec, const std::string& name,
                               std::string_view example);

}  // namespace slipway
