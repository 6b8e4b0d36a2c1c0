#include <frontend/json_writer.hpp>

#include <ir/code_point.hpp>

#include <algorithm>

namespace slipway {
namespace {

constexpr std::size_t piece = 1U << 16U;

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode(text);
    if (!point.valid) return false;
    text.remove_prefix(point.length);
  }
  return true;
}

// RFC 4648, section 4.
std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8U | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= count ? digits[bits >> (18 - 6 * i) & 63U] : '=';
    }
  }
  return out;
}

}  // namespace

void JsonWriter::put(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() < piece) return;
  sink_(buffer_);
  buffer_.clear();
}

void JsonWriter::new_line() {
  put("\n");
  buffer_.append(2 * levels_.size(), ' ');
}

void JsonWriter::before_value() {
  if (named_ || levels_.empty()) {
    named_ = false;
    return;
  }
  Level& level = levels_.back();
  if (!level.empty) put(level.in_line ? ", " : ",");
  if (!level.in_line) new_line();
  level.empty = false;
}

void JsonWriter::begin(char bracket, bool in_line) {
  before_value();
  put({&bracket, 1});
  levels_.push_back({in_line, true});
}

void JsonWriter::end(char bracket) {
  const Level level = levels_.back();
  levels_.pop_back();
  if (!level.in_line && !level.empty) new_line();
  put({&bracket, 1});
}

void JsonWriter::name(std::string_view name) {
  before_value();
  put_quoted(name);
  put(": ");
  named_ = true;
}

void JsonWriter::raw(std::string_view text) {
  before_value();
  put(text);
}

void JsonWriter::put_quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  put("\"");
  while (!text.empty()) {
    // What stays as it is goes out in one piece.
    const auto special = std::find_if(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f ||
             c == '"' || c == '\\';
    });
    const auto plain = static_cast<std::size_t>(special - text.begin());
    put(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;

    const CodePoint point = decode(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (!point.valid) {
      put("\xef\xbf\xbd");
    } else if (byte == '"' || byte == '\\') {
      const char escaped[] = {'\\', text.front()};
      put({escaped, 2});
    } else if (byte == '\n') {
      put("\\n");
    } else if (byte == '\t') {
      put("\\t");
    } else if (byte == '\r') {
      put("\\r");
    } else if (byte < 0x80) {
      const char escaped[] = {'\\', 'u', '0', '0', digits[byte >> 4U], digits[byte & 15U]};
      put({escaped, 6});
    } else {
      put(text.substr(0, point.length));
    }
    text.remove_prefix(point.length);
  }
  put("\"");
}

void JsonWriter::string(std::string_view text) {
  before_value();
  put_quoted(text);
}

void JsonWriter::text(std::string_view text) {
  if (is_utf8(text)) {
    string(text);
    return;
  }
  begin_inline_object();
  name("text");
  string(text);
  name("base64");
  string(base64(text));
  end_object();
}

void JsonWriter::finish() {
  put("\n");
  sink_(buffer_);
  buffer_.clear();
}

}  // namespace slipway
