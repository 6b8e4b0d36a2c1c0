// Text from strangers on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace slipway {

// The text with a blank for each control character, which a terminal would act on.
std::string printable(std::string_view text);

}  // namespace slipway
