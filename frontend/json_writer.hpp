// JSON written piece by piece: nothing is built first, so a document costs no memory of its size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class JsonWriter {
 public:
  // Gets the document in pieces, in order.
  using Sink = std::function<void(std::string_view)>;

  explicit JsonWriter(Sink sink) : sink_(std::move(sink)) {}

  // One member or element a line, but for `inline_object`, which stays on its line.
  void begin_object() { begin('{', false); }
  void begin_inline_object() { begin('{', true); }
  void end_object() { end('}'); }
  void begin_array() { begin('[', false); }
  void end_array() { end(']'); }

  // The name of the next value, inside an object. It is plain ASCII.
  void name(std::string_view name);

  // Bytes that are no UTF-8 become U+FFFD, which loses them: text() does not.
  void string(std::string_view text);
  // A string; where it would lose bytes, {"text": with U+FFFD, "base64": the bytes} instead.
  void text(std::string_view text);
  void number(std::int64_t value) { raw(std::to_string(value)); }
  void number(std::uint64_t value) { raw(std::to_string(value)); }
  void boolean(bool value) { raw(value ? "true" : "false"); }

  // Ends the document, with a line break, and hands over what is left.
  void finish();

 private:
  struct Level {
    bool in_line;
    bool empty;
  };
  void begin(char bracket, bool in_line);
  void end(char bracket);
  void before_value();
  void new_line();
  void raw(std::string_view text);
  void put(std::string_view text);
  void put_quoted(std::string_view text);

  Sink sink_;
  std::string buffer_;
  std::vector<Level> levels_;
  bool named_ = false;  // the next value stands behind its name
};

}  // namespace slipway
