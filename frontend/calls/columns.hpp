// Columns as Go's tabwriter aligns them, which is what prints docker's tables of calls.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace slipway {

// Every cell but the last of a row is filled up to its column's width and `padding` blanks. Control
// characters are shown as escapes.
std::string columns(const std::vector<std::vector<std::string>>& rows, std::size_t padding);

}  // namespace slipway
