// The parts of a key as people call them, and as much of their values as may be shown.
#pragma once

#include <ir/operation.hpp>

#include <map>
#include <string>
#include <string_view>

namespace slipway {

// The parts of one key by their labels.
using Parts = std::map<std::string_view, std::string_view>;
std::string_view value_of(const Parts& parts, std::string_view label);

// Whether a part's value is nobody's business: a secret's digest, and a variable whose name says that
// it holds one.
bool is_hidden_part(std::string_view label, std::string_view value);
// The value, or what stands for it.
std::string shown_part(std::string_view label, std::string_view value);

// "--chown changed: app -> 1000"; long values, and what a line cannot show, are left out.
std::string with_values(const std::string& name, std::string_view was, std::string_view is);

// How a person would say that the field behind a label changed: of `operation` as it is now.
std::string describe_part(std::string_view label, const Parts& was, const Parts& is,
                          const Operation& operation);

}  // namespace slipway
