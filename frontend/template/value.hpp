// What a template is applied to, and what its expressions give.
//
// Shaped as JSON is, with what Go's templates tell apart and JSON does not: a record has the fields
// that it has, and to ask for another is a mistake; a map may be asked for any key. Copies are
// cheap, since lists and objects are shared and never change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slipway {

struct Value;

// A string; `foreign`: it came with the data, so a terminal is not to see its control characters.
struct ValueText {
  std::string bytes;
  bool foreign = false;
};

struct ValueObject;

struct Value {
  struct Absent {};  // what a map has no entry for: "<no value>"
  struct Null {};
  using List = std::shared_ptr<const std::vector<Value>>;
  using Object = std::shared_ptr<const ValueObject>;

  Value() = default;
  Value(Null null) : data(null) {}
  Value(bool truth) : data(truth) {}
  Value(std::int64_t number) : data(number) {}
  Value(double number) : data(number) {}
  Value(ValueText text) : data(std::move(text)) {}
  // Text that belongs to the data.
  Value(std::string text) : data(ValueText{std::move(text), true}) {}
  Value(std::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(List list) : data(std::move(list)) {}
  Value(Object object) : data(std::move(object)) {}
  static Value list(std::vector<Value> elements);

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
  bool is_absent() const { return as<Absent>() != nullptr; }
  bool is_nothing() const { return is_absent() || as<Null>() != nullptr; }

  std::variant<Absent, Null, bool, std::int64_t, double, ValueText, List, Object> data;
};

struct ValueMember {
  std::string name;
  Value value;
  bool shown = true;  // false: JSON and loops leave it out, as Go does with empty fields
};

struct ValueObject {
  std::vector<ValueMember> members;
  bool open = false;  // a map: any key may be asked for
};

Value make_record(std::vector<ValueMember> members);
Value make_map(std::vector<ValueMember> members);
// Empty: there is no such member.
const Value* member(const Value& object, std::string_view name);

// JSON objects become records, with their members in the order of the text. Throws Error for what
// is no JSON, or nested deeper than 100 levels.
Value read_json_value(std::string_view json);
// One line, without blanks. Control characters are all escaped (DEL and U+0080 to U+009F too),
// bytes that are not UTF-8 become U+FFFD. The same value, the same bytes.
std::string json_text(const Value& value);
// A number as Go writes it: the shortest text that gives it back.
std::string real_text(double number);

// "string", "int64", "map": for messages.
std::string_view kind_name(const Value& value);

}  // namespace slipway
