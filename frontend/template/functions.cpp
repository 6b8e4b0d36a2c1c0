// Go's built-in functions and docker's (README.md lists them).
#include <frontend/template/functions.hpp>

#include <ir/code_point.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace slipway {
namespace {

using Arguments = std::span<const Value>;

Value own(std::string text) {
  return ValueText{std::move(text), false};
}

const ValueText& text_argument(const Value& value, std::string_view function) {
  if (const ValueText* text = value.as<ValueText>()) return *text;
  throw Error(quoted(function) + " works on strings, not on a " + std::string(kind_name(value)));
}

std::int64_t number_argument(const Value& value, std::string_view function) {
  if (const std::int64_t* number = value.as<std::int64_t>()) return *number;
  throw Error(quoted(function) + " needs a whole number, not a " + std::string(kind_name(value)));
}

std::size_t count_argument(const Value& value, std::string_view function) {
  const std::int64_t number = number_argument(value, function);
  if (number < 0) throw Error(quoted(function) + " needs a number that is not negative");
  return static_cast<std::size_t>(number);
}

Value changed(TemplateRun& run, const Value& value, std::string_view function,
              char (*change)(char)) {
  ValueText text = text_argument(value, function);
  run.budget.take(text.bytes.size() / 4);
  std::transform(text.bytes.begin(), text.bytes.end(), text.bytes.begin(), change);
  return text;
}

char lower_of(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
char upper_of(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

Value lower(TemplateRun& run, Arguments given) {
  return changed(run, given[0], "lower", lower_of);
}
Value upper(TemplateRun& run, Arguments given) {
  return changed(run, given[0], "upper", upper_of);
}

Value title(TemplateRun& run, Arguments given) {
  ValueText text = text_argument(given[0], "title");
  run.budget.take(text.bytes.size() / 4);
  bool starts = true;
  for (char& c : text.bytes) {
    if (starts) c = upper_of(c);
    const bool in_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' ||
                         static_cast<unsigned char>(c) >= 0x80;
    starts = !in_word;
  }
  return text;
}

Value json(TemplateRun& run, Arguments given) {
  std::string text = json_text(given[0]);
  run.budget.take(text.size() / 4);
  return own(std::move(text));
}

Value split(TemplateRun& run, Arguments given) {
  const ValueText& text = text_argument(given[0], "split");
  const std::string& separator = text_argument(given[1], "split").bytes;
  run.budget.take(text.bytes.size());
  std::vector<Value> pieces;
  std::string_view rest = text.bytes;
  if (separator.empty()) {
    while (!rest.empty()) {
      const std::size_t length = decode(rest).length;
      pieces.emplace_back(ValueText{std::string(rest.substr(0, length)), text.foreign});
      rest.remove_prefix(length);
    }
    return Value::list(std::move(pieces));
  }
  for (;;) {
    const std::size_t end = rest.find(separator);
    pieces.emplace_back(ValueText{std::string(rest.substr(0, end)), text.foreign});
    if (end == rest.npos) return Value::list(std::move(pieces));
    rest.remove_prefix(end + separator.size());
  }
}

Value join(TemplateRun& run, Arguments given) {
  (void)text_argument(given[1], "join");
  const std::string separator = shown_text(run, given[1]);
  std::vector<std::string> pieces;
  if (const Value::List* list = given[0].as<Value::List>()) {
    for (const Value& element : **list) pieces.push_back(shown_text(run, element));
  } else if (const Value::Object* object = given[0].as<Value::Object>()) {
    for (const ValueMember& each : (*object)->members)
      if (each.shown) pieces.push_back(shown_text(run, each.value));
    std::sort(pieces.begin(), pieces.end());
  } else if (!given[0].is_nothing()) {
    throw Error("\"join\" works on lists and maps, not on a " + std::string(kind_name(given[0])));
  }
  std::string text;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    run.budget.take(1 + separator.size() / 4);
    if (i > 0) text += separator;
    text += pieces[i];
  }
  return own(std::move(text));
}

Value pad(TemplateRun& run, Arguments given) {
  ValueText text = text_argument(given[0], "pad");
  const std::size_t before = count_argument(given[1], "pad");
  const std::size_t after = count_argument(given[2], "pad");
  if (text.bytes.empty()) return text;
  run.budget.take(before);
  run.budget.take(after);
  text.bytes.insert(0, before, ' ');
  text.bytes.append(after, ' ');
  return text;
}

// Go cuts at a byte; a part of a letter is no use to anybody, so this cuts before it.
Value truncate(TemplateRun& run, Arguments given) {
  ValueText text = text_argument(given[0], "truncate");
  std::size_t length = count_argument(given[1], "truncate");
  run.budget.take(1);
  if (length >= text.bytes.size()) return text;
  while (length > 0 && (static_cast<unsigned char>(text.bytes[length]) & 0xC0) == 0x80) --length;
  text.bytes.resize(length);
  return text;
}

// As fmt.Sprint: a blank between two values of which neither is a string.
Value print(TemplateRun& run, Arguments given) {
  std::string text;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (i > 0 && given[i].as<ValueText>() == nullptr && given[i - 1].as<ValueText>() == nullptr)
      text += ' ';
    text += shown_text(run, given[i]);
  }
  return own(std::move(text));
}

Value println(TemplateRun& run, Arguments given) {
  std::string text;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (i > 0) text += ' ';
    text += shown_text(run, given[i]);
  }
  return own(text + "\n");
}

Value printf(TemplateRun& run, Arguments given) {
  (void)text_argument(given[0], "printf");
  return own(formatted(run, shown_text(run, given[0]), given.subspan(1)));
}

Value length(TemplateRun&, Arguments given) {
  std::size_t count = 0;
  if (const ValueText* text = given[0].as<ValueText>()) {
    count = text->bytes.size();
  } else if (const Value::List* list = given[0].as<Value::List>()) {
    count = (*list)->size();
  } else if (const Value::Object* object = given[0].as<Value::Object>()) {
    count =
        static_cast<std::size_t>(std::count_if((*object)->members.begin(), (*object)->members.end(),
                                               [](const ValueMember& each) { return each.shown; }));
  } else {
    throw Error("\"len\" works on strings, lists and maps, not on a " +
                std::string(kind_name(given[0])));
  }
  return static_cast<std::int64_t>(count);
}

std::size_t position(const Value& value, std::size_t size, std::string_view function) {
  const std::int64_t number = number_argument(value, function);
  if (number < 0 || static_cast<std::uint64_t>(number) > size)
    throw Error("there is no place " + std::to_string(number) + " among " + std::to_string(size));
  return static_cast<std::size_t>(number);
}

Value index(TemplateRun& run, Arguments given) {
  Value value = given[0];
  for (const Value& key : given.subspan(1)) {
    run.budget.take(1);
    if (const Value::List* list = value.as<Value::List>()) {
      const std::size_t place = position(key, (*list)->size(), "index");
      if (place == (*list)->size())
        throw Error("there is no place " + std::to_string(place) + " among " +
                    std::to_string((*list)->size()));
      value = Value((**list)[place]);
    } else if (const ValueText* text = value.as<ValueText>()) {
      const std::size_t place = position(key, text->bytes.size(), "index");
      if (place == text->bytes.size())
        throw Error("there is no place " + std::to_string(place) + " among " +
                    std::to_string(text->bytes.size()));
      const auto byte = static_cast<unsigned char>(text->bytes[place]);
      value = static_cast<std::int64_t>(byte);
    } else if (const Value::Object* object = value.as<Value::Object>()) {
      const std::string& name = text_argument(key, "index").bytes;
      run.budget.take((*object)->members.size() / 8);
      const Value* found = member(value, name);
      // Go gives the empty value of what the map holds.
      value = found != nullptr ? Value(*found) : own("");
    } else {
      throw Error("\"index\" works on lists and maps, not on a " + std::string(kind_name(value)));
    }
  }
  return value;
}

Value slice(TemplateRun& run, Arguments given) {
  const ValueText* text = given[0].as<ValueText>();
  const Value::List* list = given[0].as<Value::List>();
  if (text == nullptr && list == nullptr)
    throw Error("\"slice\" works on strings and lists, not on a " +
                std::string(kind_name(given[0])));
  const std::size_t size = text != nullptr ? text->bytes.size() : (*list)->size();
  const std::size_t from = given.size() > 1 ? position(given[1], size, "slice") : 0;
  const std::size_t to = given.size() > 2 ? position(given[2], size, "slice") : size;
  if (from > to)
    throw Error("\"slice\" cannot go from " + std::to_string(from) + " to " + std::to_string(to));
  run.budget.take(to - from);
  if (text != nullptr) return ValueText{text->bytes.substr(from, to - from), text->foreign};
  return Value::list({(*list)->begin() + static_cast<std::ptrdiff_t>(from),
                      (*list)->begin() + static_cast<std::ptrdiff_t>(to)});
}

// Negative, zero or positive; empty: the two cannot be put in order.
std::optional<int> order(const Value& a, const Value& b) {
  const auto of = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
  if (a.as<std::int64_t>() && b.as<std::int64_t>())
    return of(*a.as<std::int64_t>(), *b.as<std::int64_t>());
  if (a.as<double>() && b.as<double>()) return of(*a.as<double>(), *b.as<double>());
  if (a.as<ValueText>() && b.as<ValueText>())
    return of(a.as<ValueText>()->bytes, b.as<ValueText>()->bytes);
  return std::nullopt;
}

bool equal(const Value& a, const Value& b) {
  if (a.is_nothing() || b.is_nothing()) return a.is_nothing() && b.is_nothing();
  if (a.as<bool>() && b.as<bool>()) return *a.as<bool>() == *b.as<bool>();
  if (const std::optional<int> ordered = order(a, b)) return *ordered == 0;
  throw Error("a " + std::string(kind_name(a)) + " and a " + std::string(kind_name(b)) +
              " cannot be compared");
}

int ordered(Arguments given) {
  if (const std::optional<int> result = order(given[0], given[1])) return *result;
  throw Error("a " + std::string(kind_name(given[0])) + " and a " +
              std::string(kind_name(given[1])) + " have no order");
}

Value eq(TemplateRun& run, Arguments given) {
  run.budget.take(given.size());
  for (const Value& other : given.subspan(1))
    if (equal(given[0], other)) return true;
  return false;
}
Value ne(TemplateRun&, Arguments given) {
  return !equal(given[0], given[1]);
}
Value lt(TemplateRun&, Arguments given) {
  return ordered(given) < 0;
}
Value le(TemplateRun&, Arguments given) {
  return ordered(given) <= 0;
}
Value gt(TemplateRun&, Arguments given) {
  return ordered(given) > 0;
}
Value ge(TemplateRun&, Arguments given) {
  return ordered(given) >= 0;
}

// Where the caller stopped, the result is clear.
Value last_of(TemplateRun&, Arguments given) {
  return given.back();
}
Value negation(TemplateRun&, Arguments given) {
  return !is_true(given[0]);
}

constexpr std::size_t any = 1000;

constexpr TemplateFunction functions[] = {
    {"and", 1, any, last_of, false, true, false},
    {"eq", 2, any, eq},
    {"ge", 2, 2, ge},
    {"gt", 2, 2, gt},
    {"index", 1, any, index},
    {"join", 2, 2, join, true},
    {"json", 1, 1, json, true},
    {"le", 2, 2, le},
    {"len", 1, 1, length},
    {"lower", 1, 1, lower, true},
    {"lt", 2, 2, lt},
    {"ne", 2, 2, ne},
    {"not", 1, 1, negation},
    {"or", 1, any, last_of, false, false, true},
    {"pad", 3, 3, pad},
    {"print", 0, any, print},
    {"printf", 1, any, printf},
    {"println", 0, any, println},
    {"slice", 1, 3, slice},
    {"split", 2, 2, split, true},
    {"title", 1, 1, title, true},
    {"truncate", 2, 2, truncate, true},
    {"upper", 1, 1, upper, true},
};

void show(TemplateRun& run, std::string& text, const Value& value) {
  run.budget.take(1);
  if (const bool* truth = value.as<bool>()) {
    text += *truth ? "true" : "false";
  } else if (const std::int64_t* number = value.as<std::int64_t>()) {
    text += std::to_string(*number);
  } else if (const double* real = value.as<double>()) {
    text += real_text(*real);
  } else if (const ValueText* bytes = value.as<ValueText>()) {
    run.budget.take(bytes->bytes.size() / 4);
    text += bytes->foreign && run.for_terminal ? printable(bytes->bytes) : bytes->bytes;
  } else if (const Value::List* list = value.as<Value::List>()) {
    text += '[';
    for (std::size_t i = 0; i < (*list)->size(); ++i) {
      if (i > 0) text += ' ';
      show(run, text, (**list)[i]);
    }
    text += ']';
  } else if (const Value::Object* object = value.as<Value::Object>()) {
    std::vector<const ValueMember*> sorted;
    for (const ValueMember& each : (*object)->members)
      if (each.shown) sorted.push_back(&each);
    std::sort(sorted.begin(), sorted.end(),
              [](const auto* a, const auto* b) { return a->name < b->name; });
    text += "map[";
    bool first = true;
    for (const ValueMember* each : sorted) {
      if (!std::exchange(first, false)) text += ' ';
      show(run, text, Value(each->name));
      text += ':';
      show(run, text, each->value);
    }
    text += ']';
  } else {
    text += "<nil>";
  }
}

}  // namespace

void TemplateBudget::take(std::size_t steps) {
  if (steps > left_)
    throw Error("the template does more than it may: its loops are too long, or its text");
  left_ -= steps;
}

const TemplateFunction* find_template_function(std::string_view name) {
  const auto* found = std::find_if(std::begin(functions), std::end(functions),
                                   [&](const auto& each) { return each.name == name; });
  return found == std::end(functions) ? nullptr : found;
}

std::vector<std::string> template_function_names() {
  std::vector<std::string> names;
  for (const TemplateFunction& each : functions) names.emplace_back(each.name);
  return names;
}

bool is_true(const Value& value) {
  if (const bool* truth = value.as<bool>()) return *truth;
  if (const std::int64_t* number = value.as<std::int64_t>()) return *number != 0;
  if (const double* real = value.as<double>()) return *real != 0;
  if (const ValueText* text = value.as<ValueText>()) return !text->bytes.empty();
  if (const Value::List* list = value.as<Value::List>()) return !(*list)->empty();
  if (const Value::Object* object = value.as<Value::Object>())
    return !(*object)->open || !(*object)->members.empty();
  return false;
}

std::string shown_text(TemplateRun& run, const Value& value) {
  std::string text;
  show(run, text, value);
  return text;
}

}  // namespace slipway
