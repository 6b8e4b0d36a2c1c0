// RUN --mount and --device (reference.md#run---mount).
#include <frontend/csv.hpp>
#include <frontend/instructions.hpp>
#include <ir/mount.hpp>
#include <ir/letter_case.hpp>
#include <ir/quantities.hpp>

#include <algorithm>

namespace slipway {
namespace {

// One key, or key=value.
struct Field {
  std::string key;  // lower case
  SourceSpan key_span;
  Fragment whole;
  std::optional<Fragment> value;
};

std::vector<Field> read_fields(const Fragment& text, const Reading& reading) {
  std::vector<Field> fields;
  for (const Fragment& whole : read_csv(text, reading.report)) {
    const std::size_t equals = std::min(whole.text().find('='), whole.size());
    Field field{lower_case(whole.text().substr(0, equals)), whole.span(0, equals), whole, std::nullopt};
    if (equals < whole.size()) field.value = whole.slice(equals + 1, whole.size());
    fields.push_back(std::move(field));
  }
  return fields;
}

// The value of a word without variables.
std::optional<std::string> constant(const Word& word) {
  std::string text;
  for (const WordPart& part : word.parts) {
    const auto* literal = std::get_if<Literal>(&part);
    if (literal == nullptr) return std::nullopt;
    text += literal->text;
  }
  return text;
}

}  // namespace

RunMount read_mount(const Fragment& value, const Reading& reading) {
  RunMount mount;
  mount.span = value.span();
  for (const Field& field : read_fields(value, reading)) {
    std::optional<Word> word;
    if (field.value && field.key == "from") {
      // The stages a stage depends on are known before any variable is; a $ at the end is none.
      const std::size_t dollar = field.value->text().find('$');
      if (dollar != std::string::npos && dollar + 1 < field.value->size()) {
        reading.report.error(
            field.value->span(), "from= of a mount takes no variables",
            "write FROM " + field.value->text() + " AS NAME above, and from=NAME here");
      }
      word = plain_word(*field.value);
    } else if (field.value) {
      word = reading.word(*field.value);
    }
    mount.fields.push_back({{field.key, field.key_span}, std::move(word), field.whole.span()});
  }
  // What docker's parser leaves to the build of the stage.
  std::vector<Diagnostic> mistakes;
  if (!mount.fields.empty()) mount_values(mount, constant, mistakes);
  for (Diagnostic& each : mistakes)
    reading.report.later(each.span, std::move(each.message), std::move(each.hint));
  return mount;
}

// One field names the device, with `name=` or without; `required` and `required=BOOLEAN` are the
// others. A field with another key is the name where there is none yet: vendor.com/class=name.
RunDevice read_device(const Fragment& value, const Reading& reading) {
  RunDevice device;
  device.span = value.span();
  for (const Field& field : read_fields(value, reading)) {
    if (field.key == "required") {
      const auto required = field.value ? read_boolean(field.value->text()) : true;
      device.required = required.value_or(false);
      if (!required) {
        reading.report.error(field.value->span(),
                             "invalid value " + quoted(field.value->text()) + " of required",
                             "it is true or false");
      }
    } else if (device.name.empty()) {
      device.name = field.key == "name" && field.value ? field.value->text() : field.whole.text();
    } else {
      reading.report.error(field.whole.span(),
                           field.key == "name" || !field.value
                               ? "the device has a name already"
                               : "unknown key " + quoted(field.key) + " of --device",
                           "there are name, required");
    }
  }
  return device;
}

}  // namespace slipway
