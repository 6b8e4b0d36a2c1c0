// The constants of templates: "text\n", `text`, 'c' and numbers.
#pragma once

#include <frontend/template/value.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace slipway {

struct TemplateConstant {
  Value value;
  std::size_t end = 0;  // bytes of the text up to what stands behind it
};

// What is wrong, and where; who reads the whole template knows what the text is called.
struct TemplateMistake {
  std::size_t offset = 0;
  std::size_t length = 1;
  std::string message;
};

// The constant that begins at `at`, which is in the text.
std::variant<TemplateConstant, TemplateMistake> read_constant(std::string_view text,
                                                              std::size_t at);

// A code point as UTF-8; it is one.
void put_utf8(std::string& text, std::uint32_t value);

}  // namespace slipway
