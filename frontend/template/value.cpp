#include <frontend/template/value.hpp>

#include <ir/code_point.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

constexpr int deepest = 100;

// Before the parser sees it: that one keeps a value for each level.
void check_depth(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > deepest) throw Error("the JSON is nested too deeply");
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
}

Value value_of(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<std::int64_t>();
    case Json::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return static_cast<double>(number);
      return static_cast<std::int64_t>(number);
    }
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get_ref<const std::string&>();
    case Json::value_t::array: {
      std::vector<Value> elements;
      elements.reserve(json.size());
      for (const Json& element : json) elements.push_back(value_of(element));
      return Value::list(std::move(elements));
    }
    case Json::value_t::object: {
      std::vector<ValueMember> members;
      members.reserve(json.size());
      for (const auto& [name, element] : json.items()) members.push_back({name, value_of(element)});
      return make_record(std::move(members));
    }
    default:
      return Value::Null{};
  }
}

void put_escape(std::string& text, char32_t value) {
  static constexpr std::string_view digits = "0123456789abcdef";
  text += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) text += digits[(value >> shift) & 0xF];
}

void put_string(std::string& text, std::string_view bytes) {
  text += '"';
  while (!bytes.empty()) {
    const CodePoint point = decode(bytes);
    const std::string_view piece = bytes.substr(0, point.length);
    bytes.remove_prefix(point.length);
    if (!point.valid) {
      text += "\xEF\xBF\xBD";
    } else if (point.value == '"' || point.value == '\\') {
      text += '\\';
      text += piece;
    } else if (point.value == '\n') {
      text += "\\n";
    } else if (point.value == '\r') {
      text += "\\r";
    } else if (point.value == '\t') {
      text += "\\t";
    } else if (point.value < 0x20 || (point.value >= 0x7F && point.value < 0xA0) ||
               point.value == 0x2028 || point.value == 0x2029) {
      put_escape(text, point.value);
    } else {
      text += piece;
    }
  }
  text += '"';
}

void put(std::string& text, const Value& value) {
  if (const bool* truth = value.as<bool>()) {
    text += *truth ? "true" : "false";
  } else if (const std::int64_t* number = value.as<std::int64_t>()) {
    text += std::to_string(*number);
  } else if (const double* real = value.as<double>()) {
    text += std::isfinite(*real) ? real_text(*real) : "null";
  } else if (const ValueText* bytes = value.as<ValueText>()) {
    put_string(text, bytes->bytes);
  } else if (const Value::List* list = value.as<Value::List>()) {
    text += '[';
    bool first = true;
    for (const Value& element : **list) {
      if (!std::exchange(first, false)) text += ',';
      put(text, element);
    }
    text += ']';
  } else if (const Value::Object* object = value.as<Value::Object>()) {
    text += '{';
    bool first = true;
    for (const ValueMember& each : (*object)->members) {
      if (!each.shown) continue;
      if (!std::exchange(first, false)) text += ',';
      put_string(text, each.name);
      text += ':';
      put(text, each.value);
    }
    text += '}';
  } else {
    text += "null";
  }
}

}  // namespace

Value Value::list(std::vector<Value> elements) {
  return std::make_shared<const std::vector<Value>>(std::move(elements));
}

Value make_record(std::vector<ValueMember> members) {
  return std::make_shared<const ValueObject>(ValueObject{std::move(members), false});
}

Value make_map(std::vector<ValueMember> members) {
  return std::make_shared<const ValueObject>(ValueObject{std::move(members), true});
}

const Value* member(const Value& object, std::string_view name) {
  const Value::Object* held = object.as<Value::Object>();
  if (held == nullptr) return nullptr;
  for (const ValueMember& each : (*held)->members)
    if (each.name == name) return &each.value;
  return nullptr;
}

Value read_json_value(std::string_view text) {
  check_depth(text);
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) throw Error("the text is not JSON");
  return value_of(json);
}

std::string json_text(const Value& value) {
  std::string text;
  put(text, value);
  return text;
}

// Go writes an exponent of two digits from 1e21 on and below 1e-4 (fmt, %v).
std::string real_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
  const double size = std::fabs(number);
  const bool exponent = size != 0 && (size < 1e-4 || size >= 1e21);
  std::array<char, 64> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                    std::chars_format::scientific);
  std::string text(buffer.data(), result.ptr);
  if (exponent) return text;
  // Written out with zeros where the shortest digits end: to_chars would go on with those of the
  // binary value.
  const std::size_t e = text.find('e');
  const int power = std::stoi(text.substr(e + 1));
  const bool negative = text.front() == '-';
  std::string digits;
  for (const char c : text.substr(0, e))
    if (c >= '0' && c <= '9') digits += c;
  if (power < 0) {
    digits.insert(0, static_cast<std::size_t>(-power), '0');
    digits.insert(1, ".");
  } else if (digits.size() <= static_cast<std::size_t>(power) + 1) {
    digits.resize(static_cast<std::size_t>(power) + 1, '0');
  } else {
    digits.insert(static_cast<std::size_t>(power) + 1, ".");
  }
  return (negative ? "-" : "") + digits;
}

std::string_view kind_name(const Value& value) {
  struct Name {
    std::string_view operator()(const Value::Absent&) const { return "nothing"; }
    std::string_view operator()(const Value::Null&) const { return "nothing"; }
    std::string_view operator()(bool) const { return "bool"; }
    std::string_view operator()(std::int64_t) const { return "int64"; }
    std::string_view operator()(double) const { return "float64"; }
    std::string_view operator()(const ValueText&) const { return "string"; }
    std::string_view operator()(const Value::List&) const { return "list"; }
    std::string_view operator()(const Value::Object& object) const {
      return object->open ? "map" : "record";
    }
  };
  return std::visit(Name(), value.data);
}

}  // namespace slipway
