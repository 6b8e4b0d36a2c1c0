// printf, as Go's fmt has it: verbs v s q d x X o b c U t f F e E g G and %%, with the flags
// "-+ 0#", a width and a precision.
#include <frontend/template/constants.hpp>
#include <frontend/template/functions.hpp>

#include <ir/code_point.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t widest = 10000;

struct Directive {
  bool left = false;
  bool plus = false;
  bool blank = false;
  bool zero = false;
  bool sharp = false;
  std::size_t width = 0;
  std::optional<std::size_t> precision;
  char verb = 0;
};

std::string go_type(const Value& value) {
  if (value.as<Value::List>()) return "[]interface {}";
  if (value.as<Value::Object>()) return "map[string]interface {}";
  return std::string(kind_name(value));
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(decode(text).length);
  return count;
}

std::string first_characters(std::string_view text, std::size_t count) {
  std::string_view rest = text;
  for (; count > 0 && !rest.empty(); --count) rest.remove_prefix(decode(rest).length);
  return std::string(text.substr(0, text.size() - rest.size()));
}

std::string padded(std::string text, const Directive& directive, bool zeros = false) {
  const std::size_t width = characters(text);
  if (width >= directive.width) return text;
  const std::size_t missing = directive.width - width;
  if (directive.left) return text.append(missing, ' ');
  if (!zeros || !directive.zero) return text.insert(0, missing, ' ');
  const bool sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ');
  return text.insert(sign ? 1 : 0, missing, '0');
}

// Go's %q: what is in no terminal's way stays as it is.
std::string go_quoted(std::string_view bytes) {
  static constexpr std::string_view named = "\a\b\f\n\r\t\v";
  static constexpr std::string_view names = "abfnrtv";
  std::string text = "\"";
  std::array<char, 16> escape;
  while (!bytes.empty()) {
    const CodePoint point = decode(bytes);
    const char c = bytes[0];
    if (!point.valid) {
      std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned char>(c));
      text += escape.data();
    } else if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (const std::size_t found = named.find(c); found != named.npos) {
      text += '\\';
      text += names[found];
    } else if (point.value < 0x20 || point.value == 0x7F) {
      std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned>(point.value));
      text += escape.data();
    } else if (point.value >= 0x80 && point.value < 0xA0) {
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(point.value));
      text += escape.data();
    } else {
      text += bytes.substr(0, point.length);
    }
    bytes.remove_prefix(point.length);
  }
  return text + "\"";
}

std::string in_base(std::int64_t number, const Directive& directive) {
  const unsigned base = directive.verb == 'd'   ? 10
                        : directive.verb == 'o' ? 8
                        : directive.verb == 'b' ? 2
                                                : 16;
  const char* digits = directive.verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  auto rest = static_cast<std::uint64_t>(number);
  if (number < 0) rest = 0 - rest;
  std::string text;
  do {
    text.insert(text.begin(), digits[rest % base]);
    rest /= base;
  } while (rest != 0);
  if (directive.precision && text.size() < *directive.precision)
    text.insert(0, *directive.precision - text.size(), '0');
  if (directive.sharp) {
    if (base == 16) text.insert(0, directive.verb == 'X' ? "0X" : "0x");
    if (base == 8) text.insert(0, "0");
    if (base == 2) text.insert(0, "0b");
  }
  if (number < 0) {
    text.insert(0, "-");
  } else if (directive.plus || directive.blank) {
    text.insert(0, directive.plus ? "+" : " ");
  }
  return text;
}

std::string real(double number, const Directive& directive) {
  if (directive.verb == 'v' || (!directive.precision && (directive.verb | 0x20) == 'g')) {
    std::string text = real_text(number);
    if (directive.plus && text[0] != '-' && text[0] != '+') text.insert(0, "+");
    return text;
  }
  // The verb is one of six letters, so the format is none of the user's.
  std::string format = "%";
  if (directive.plus) format += '+';
  if (directive.blank) format += ' ';
  if (directive.sharp) format += '#';
  format += ".*";
  format += directive.verb;
  const int precision = static_cast<int>(directive.precision.value_or(6));
  const int length = std::snprintf(nullptr, 0, format.c_str(), precision, number);
  std::string text(static_cast<std::size_t>(length) + 1, '\0');
  std::snprintf(text.data(), text.size(), format.c_str(), precision, number);
  text.pop_back();
  return text;
}

std::string hexadecimal(std::string_view bytes, bool upper) {
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 0xF];
  }
  return text;
}

std::string utf8(std::int64_t value) {
  if (value < 0 || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return "\xEF\xBF\xBD";
  std::string text;
  put_utf8(text, static_cast<std::uint32_t>(value));
  return text;
}

class Formatter {
 public:
  explicit Formatter(TemplateRun& run) : run_(run) {}

  std::string one(const Directive& directive, const Value& value) {
    run_.budget.take(1 + directive.width / 4);
    if (const Value::List* list = value.as<Value::List>(); list != nullptr) {
      std::string text = "[";
      for (std::size_t i = 0; i < (*list)->size(); ++i)
        text += (i > 0 ? " " : "") + one(directive, (**list)[i]);
      return text + "]";
    }
    if (const Value::Object* object = value.as<Value::Object>(); object != nullptr) {
      std::vector<const ValueMember*> sorted;
      for (const ValueMember& each : (*object)->members)
        if (each.shown) sorted.push_back(&each);
      std::sort(sorted.begin(), sorted.end(),
                [](const auto* a, const auto* b) { return a->name < b->name; });
      std::string text = "map[";
      for (std::size_t i = 0; i < sorted.size(); ++i)
        text += (i > 0 ? " " : "") + one(directive, Value(sorted[i]->name)) + ":" +
                one(directive, sorted[i]->value);
      return text + "]";
    }
    if (const std::int64_t* number = value.as<std::int64_t>()) return integer(directive, *number);
    if (const double* number = value.as<double>()) {
      if (std::string_view("vfFeEgG").find(directive.verb) == std::string_view::npos)
        return wrong(directive, value);
      return padded(real(*number, directive), directive, true);
    }
    if (const ValueText* text = value.as<ValueText>()) return string(directive, *text);
    if (const bool* truth = value.as<bool>()) {
      if (directive.verb != 't' && directive.verb != 'v') return wrong(directive, value);
      return padded(*truth ? "true" : "false", directive);
    }
    return directive.verb == 'v' ? padded("<nil>", directive)
                                 : std::string("%!") + directive.verb + "(<nil>)";
  }

 private:
  std::string wrong(const Directive& directive, const Value& value) {
    return std::string("%!") + directive.verb + "(" + go_type(value) + "=" +
           shown_text(run_, value) + ")";
  }

  std::string integer(Directive directive, std::int64_t number) {
    switch (directive.verb) {
      case 'v':
        directive.verb = 'd';
        [[fallthrough]];
      case 'd':
      case 'o':
      case 'b':
      case 'x':
      case 'X':
        return padded(in_base(number, directive), directive, !directive.precision);
      case 'c':
        return padded(utf8(number), directive);
      case 'q': {
        const std::string text = go_quoted(utf8(number));
        return padded("'" + text.substr(1, text.size() - 2) + "'", directive);
      }
      case 'U': {
        std::array<char, 32> text;
        std::snprintf(text.data(), text.size(), "U+%04llX",
                      static_cast<unsigned long long>(number));
        return padded(text.data(), directive);
      }
      default:
        return wrong(directive, number);
    }
  }

  std::string string(const Directive& directive, const ValueText& text) {
    run_.budget.take(text.bytes.size() / 8);
    std::string bytes = text.foreign && run_.for_terminal ? printable(text.bytes) : text.bytes;
    if (directive.precision &&
        (directive.verb == 's' || directive.verb == 'v' || directive.verb == 'q'))
      bytes = first_characters(bytes, *directive.precision);
    switch (directive.verb) {
      case 'v':
      case 's':
        return padded(std::move(bytes), directive);
      case 'q':
        return padded(go_quoted(bytes), directive);
      case 'x':
      case 'X':
        return padded(hexadecimal(text.bytes, directive.verb == 'X'), directive);
      default:
        return wrong(directive, text);
    }
  }

  TemplateRun& run_;
};

// Digits at the front of `text`, which are taken from it; Go stops at a million.
std::size_t take_number(std::string_view& text) {
  std::size_t number = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    number = number * 10 + static_cast<std::size_t>(text[0] - '0');
    if (number > widest)
      throw Error("\"printf\" makes nothing wider than " + std::to_string(widest) + " characters");
    text.remove_prefix(1);
  }
  return number;
}

Directive take_directive(std::string_view& text) {
  Directive directive;
  for (;; text.remove_prefix(1)) {
    const char c = text.empty() ? '\0' : text[0];
    if (c == '-') {
      directive.left = true;
    } else if (c == '+') {
      directive.plus = true;
    } else if (c == ' ') {
      directive.blank = true;
    } else if (c == '0') {
      directive.zero = true;
    } else if (c == '#') {
      directive.sharp = true;
    } else {
      break;
    }
  }
  directive.width = take_number(text);
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    directive.precision = take_number(text);
  }
  if (!text.empty() && (text[0] == '*' || text[0] == '['))
    throw Error("\"printf\" takes no widths from arguments, and takes these in their order");
  if (!text.empty()) {
    directive.verb = text[0];
    text.remove_prefix(1);
  }
  if (directive.sharp && (directive.verb == 'v' || directive.verb == 'q'))
    throw Error("\"printf\" does not know %#" + std::string(1, directive.verb));
  return directive;
}

}  // namespace

std::string formatted(TemplateRun& run, std::string_view format, std::span<const Value> arguments) {
  run.budget.take(format.size() / 4);
  Formatter formatter(run);
  std::string text;
  std::size_t next = 0;
  while (!format.empty()) {
    const std::size_t percent = std::min(format.find('%'), format.size());
    text += format.substr(0, percent);
    format.remove_prefix(percent);
    if (format.empty()) break;
    format.remove_prefix(1);
    const Directive directive = take_directive(format);
    if (directive.verb == '\0') {
      text += "%!(NOVERB)";
    } else if (directive.verb == '%') {
      text += '%';
    } else if (next == arguments.size()) {
      text += std::string("%!") + directive.verb + "(MISSING)";
    } else {
      text += formatter.one(directive, arguments[next++]);
    }
  }
  if (next < arguments.size()) {
    text += "%!(EXTRA ";
    for (std::size_t i = next; i < arguments.size(); ++i) {
      if (i > next) text += ", ";
      text += arguments[i].is_nothing()
                  ? "<nil>"
                  : go_type(arguments[i]) + "=" + shown_text(run, arguments[i]);
    }
    text += ')';
  }
  return text;
}

}  // namespace slipway
