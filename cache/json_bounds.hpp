// What JSON from strangers may ask for, told before it is parsed.
#pragma once

#include <cstddef>
#include <string_view>

namespace slipway {

// Whether the text nests no deeper than `depth` and has no more than `values` values and names. A
// parsed value takes some thirty times the two bytes that it needs in a text, which is too much of
// eight megabytes. Says nothing of whether it is JSON.
bool is_modest_json(std::string_view text, std::size_t depth, std::size_t values);

}  // namespace slipway
