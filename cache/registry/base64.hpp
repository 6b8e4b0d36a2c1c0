// RFC 4648, section 4: bytes in headers and JSON documents.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

std::string encode_base64(std::string_view bytes);
// Nothing for a text with other characters; the padding at its end may be missing.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace slipway
