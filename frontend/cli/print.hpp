// Results on standard output.
#pragma once

#include <ir/digest.hpp>

#include <string>
#include <string_view>

namespace slipway {

// Throws Error if it cannot be written. What is buffered is main()'s to flush.
void print(std::string_view text);

// The twelve digits docker shows of an ID.
std::string short_id(const Digest& id);

// --format: empty and "table" are the table, "json" is JSON. Throws Error for anything else.
bool wants_json(std::string_view format);

}  // namespace slipway
