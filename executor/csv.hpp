// Lists in a flag's value, as docker's programs write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// A line of CSV: fields between commas, quoted ones may hold commas. One field at least. Throws
// Error where a quote is not closed; `flag` is for the message.
std::vector<std::string> split_csv(std::string_view text, std::string_view flag);

}  // namespace slipway
