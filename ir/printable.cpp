#include <ir/printable.hpp>

namespace slipway {

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) {
      clean += ' ';
    } else if (byte == 0xC2 && i + 1 < text.size() &&
               static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      clean += ' ';  // U+0080 to U+009F: the same controls once more
      ++i;
    } else {
      clean += text[i];
    }
  }
  return clean;
}

}  // namespace slipway
