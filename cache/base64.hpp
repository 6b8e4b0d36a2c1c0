// Base64 (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

std::string encode_base64(std::string_view bytes);
// With its padding or without. Empty: there is another character in it.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace slipway
