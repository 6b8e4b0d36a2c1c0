// RUN --mount and --device (reference.md#run---mount).
#include <frontend/csv.hpp>
#include <frontend/instructions.hpp>
#include <frontend/quantities.hpp>

#include <algorithm>
#include <cctype>
#include <limits>

namespace slipway {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string hint_for(std::string_view word, const std::vector<std::string>& choices) {
  const std::string near = nearest(word, choices);
  if (!near.empty()) return "did you mean " + quoted(near) + "?";
  std::string all;
  for (const std::string& choice : choices) all += (all.empty() ? "" : ", ") + choice;
  return "there are " + all;
}

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
    Field field{lower(whole.text().substr(0, equals)), whole.span(0, equals), whole, std::nullopt};
    if (equals < whole.size()) field.value = whole.slice(equals + 1, whole.size());
    fields.push_back(std::move(field));
  }
  return fields;
}

class MountReader {
 public:
  MountReader(const Fragment& text, const Reading& reading)
      : text_(text), reading_(reading), fields_(read_fields(text, reading)) {}

  RunMount read() {
    mount_.span = text_.span();
    // Whether a key fits is judged by the type before it, as docker does: type comes first, if at
    // all. A type with a mistake judges nothing.
    for (const Field& field : fields_) read_field(field);
    if (type_known_) check_together();
    return std::move(mount_);
  }

 private:
  using Type = RunMount::Type;

  void error(const SourceSpan& span, std::string message, std::string hint = {}) {
    reading_.report.error(span, std::move(message), std::move(hint));
  }
  std::string_view type_name() const {
    switch (mount_.type) {
      case Type::bind: return "bind";
      case Type::cache: return "cache";
      case Type::tmpfs: return "tmpfs";
      case Type::secret: return "secret";
      case Type::ssh: return "ssh";
    }
    return "";
  }
  void does_not_fit(const Field& field) {
    if (!type_known_) return;
    error(field.key_span, "the key " + quoted(field.key) + " does not fit a mount of type " +
                              std::string(type_name()));
  }
  bool required_fits() const {
    return mount_.type == Type::secret || mount_.type == Type::ssh || !type_known_;
  }

  void read_field(const Field& field) {
    if (!field.value) return read_bare_key(field);
    if (field.key == "type") return read_type(*field.value);
    if (field.key == "from") return read_source_stage(*field.value);
    for (const auto& [name, place] : words()) {
      if (field.key == name) {
        *place = reading_.word(*field.value);
        return;
      }
    }
    const auto& keys = known_keys();
    if (std::find(keys.begin(), keys.end(), field.key) == keys.end()) {
      error(field.key_span, "unknown key " + quoted(field.key) + " of --mount",
            hint_for(field.key, keys));
      return;
    }
    read_typed_value(field, *field.value);
  }

  std::vector<std::pair<std::string_view, std::optional<Word>*>> words() {
    return {{"source", &mount_.source}, {"src", &mount_.source},
            {"target", &mount_.target}, {"dst", &mount_.target}, {"destination", &mount_.target},
            {"id", &mount_.id},         {"env", &mount_.env}};
  }

  static const std::vector<std::string>& known_keys() {
    static const std::vector<std::string> keys = {
        "type", "from", "source", "src", "target",  "dst",  "destination", "readonly", "ro",
        "rw",   "readwrite", "id", "sharing", "required", "size", "mode", "uid", "gid", "env"};
    return keys;
  }

  void read_bare_key(const Field& field) {
    if (field.key == "readonly" || field.key == "ro") {
      mount_.read_only = true;
    } else if (field.key == "readwrite" || field.key == "rw") {
      mount_.read_only = false;
    } else if (field.key == "required") {
      if (required_fits()) {
        mount_.required = true;
      } else {
        does_not_fit(field);
      }
    } else {
      const auto& keys = known_keys();
      const bool known = std::find(keys.begin(), keys.end(), field.key) != keys.end();
      error(field.whole.span(),
            known ? "the key " + quoted(field.key) + " needs a value"
                  : "unknown key " + quoted(field.key) + " of --mount",
            known ? "write " + field.key + "=VALUE" : hint_for(field.key, keys));
    }
  }

  void read_type(const Fragment& value) {
    static const std::vector<std::string> names = {"bind", "cache", "tmpfs", "secret", "ssh"};
    const auto found = std::find(names.begin(), names.end(), lower(value.text()));
    if (found == names.end()) {
      type_known_ = false;
      error(value.span(), "unknown mount type " + quoted(value.text()),
            hint_for(lower(value.text()), names));
      return;
    }
    mount_.type = static_cast<Type>(found - names.begin());
  }

  void read_source_stage(const Fragment& value) {
    const std::size_t dollar = value.text().find('$');
    if (dollar != std::string::npos && dollar + 1 < value.size()) {
      error(value.span(), "from= of a mount takes no variables",
            "write FROM " + value.text() + " AS NAME above, and from=NAME here");
      return;
    }
    mount_.from = plain_word(value);
  }

  void read_typed_value(const Field& field, const Fragment& value) {
    const std::string& text = value.text();
    const auto invalid = [&](std::string hint = {}) {
      // Numbers and switches are needed while the graph is made, so they have to be written out.
      const bool variable = text.find('$') != std::string::npos;
      error(value.span(), "invalid value " + quoted(text) + " of " + field.key,
            variable ? "a variable cannot stand here yet: write the value" : std::move(hint));
    };
    if (field.key == "readonly" || field.key == "ro" || field.key == "readwrite" ||
        field.key == "rw" || field.key == "required") {
      const auto flag = read_boolean(text);
      if (!flag) return invalid("it is true or false");
      if (field.key == "required") {
        if (!required_fits()) return does_not_fit(field);
        mount_.required = *flag;
      } else {
        const bool says_read_only = field.key == "readonly" || field.key == "ro";
        mount_.read_only = says_read_only == *flag;
      }
    } else if (field.key == "sharing") {
      static const std::vector<std::string> modes = {"shared", "private", "locked"};
      const auto found = std::find(modes.begin(), modes.end(), lower(text));
      if (found == modes.end()) return invalid(hint_for(lower(text), modes));
      mount_.sharing = static_cast<RunMount::Sharing>(found - modes.begin());
      sharing_ = field.key_span;
    } else if (field.key == "size") {
      if (mount_.type != Type::tmpfs) return does_not_fit(field);
      mount_.size = read_size(text);
      if (!mount_.size) invalid("write it as 64m or 1GiB");
    } else {
      auto& number = field.key == "mode" ? mount_.mode
                     : field.key == "uid" ? mount_.uid
                                          : mount_.gid;
      number = read_number(text, field.key == "mode" ? 8 : 10);
      if (!number) return invalid(field.key == "mode" ? "write it in octal, as 0400" : "");
      owner_keys_.push_back(field);
    }
  }

  void check_together() {
    if (mount_.type == Type::bind || mount_.type == Type::tmpfs) {
      for (const Field& field : owner_keys_) does_not_fit(field);
    }
    if (sharing_ && mount_.type != Type::cache) {
      error(sharing_, "the key \"sharing\" does not fit a mount of type " +
                          std::string(type_name()));
    }
    if (mount_.type != Type::secret) return;
    if (mount_.from) error(mount_.from->span, "a secret mount has no from");
    if (mount_.source && mount_.id) {
      error(mount_.source->span, "a secret mount takes source or id, not both");
    }
    if (!mount_.source && !mount_.id && !mount_.target && !fields_.empty()) {
      error(mount_.span, "a secret mount needs an id, a source or a target", "write id=NAME");
    }
  }

  const Fragment& text_;
  const Reading& reading_;
  std::vector<Field> fields_;
  RunMount mount_;
  bool type_known_ = true;
  SourceSpan sharing_;
  std::vector<Field> owner_keys_;  // mode, uid, gid
};

}  // namespace

RunMount read_mount(const Fragment& value, const Reading& reading) {
  return MountReader(value, reading).read();
}

Word read_device(const Fragment& value, const Reading& reading) {
  bool named = false;
  for (const Field& field : read_fields(value, reading)) {
    if (field.key == "required") {
      if (field.value && !read_boolean(field.value->text())) {
        reading.report.error(field.value->span(), "invalid value " + quoted(field.value->text()) +
                                                      " of required",
                             "it is true or false");
      }
    } else if (named) {
      reading.report.error(field.whole.span(),
                           field.key == "name" || !field.value
                               ? "the device has a name already"
                               : "unknown key " + quoted(field.key) + " of --device",
                           "there are name, required");
    } else {
      named = true;
    }
  }
  return plain_word(value);
}

}  // namespace slipway
