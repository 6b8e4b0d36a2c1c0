#include <ir/mount.hpp>
#include <ir/letter_case.hpp>
#include <ir/nearest.hpp>

#include <ir/quantities.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

using Type = RunProcess::Mount::Type;
using Sharing = RunProcess::Mount::Sharing;

std::string hint_for(std::string_view word, const std::vector<std::string>& choices) {
  std::string all;
  for (const std::string& choice : choices) all += (all.empty() ? "" : ", ") + choice;
  return did_you_mean(word, choices, "there are " + all);
}

const std::vector<std::string>& type_names() {
  static const std::vector<std::string> names = {"bind", "cache", "tmpfs", "secret", "ssh"};
  return names;
}

const std::vector<std::string>& key_names() {
  static const std::vector<std::string> names = {
      "type",     "from", "source", "src",       "target", "dst",     "destination",
      "readonly", "ro",   "rw",     "readwrite", "id",     "sharing", "required",
      "size",     "mode", "uid",    "gid",       "env"};
  return names;
}

class Reader {
 public:
  Reader(const RunMount& mount, const WordValue& value, std::vector<Diagnostic>& mistakes)
      : mount_(mount), value_(value), mistakes_(mistakes) {}

  MountValues read() {
    for (const RunMount::Field& field : mount_.fields) read(field);
    if (type_known_) check_together();
    return std::move(values_);
  }

 private:
  void mistake(const SourceSpan& span, std::string message, std::string hint = {}) {
    mistakes_.push_back({std::move(message), span, std::move(hint), {}});
  }
  const std::string& type_name() const {
    return type_names()[static_cast<std::size_t>(values_.type)];
  }
  void does_not_fit(const RunMount::Field& field) {
    if (!type_known_) return;
    mistake(field.key.span,
            "the key " + quoted(field.key.text) + " does not fit a mount of type " + type_name());
  }
  bool is(Type type) const { return values_.type == type; }
  bool required_fits() const { return is(Type::secret) || is(Type::ssh) || !type_known_; }

  void read(const RunMount::Field& field) {
    const std::string& key = field.key.text;
    if (!field.value) return read_switch(field);
    const auto& keys = key_names();
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      mistake(field.key.span, "unknown key " + quoted(key) + " of --mount", hint_for(key, keys));
      return;
    }
    if (key == "from") {
      from_ = &field;
      return;
    }
    std::optional<std::string> value;
    try {
      value = value_(*field.value);
    } catch (const Error& error) {
      for (Diagnostic diagnostic : error.diagnostics()) {
        if (!diagnostic.span) diagnostic.span = field.value->span;
        mistakes_.push_back(std::move(diagnostic));
      }
    }
    read_value(field, value);
  }

  void read_switch(const RunMount::Field& field) {
    const std::string& key = field.key.text;
    if (key == "readonly" || key == "ro") {
      values_.read_only = true;
    } else if (key == "readwrite" || key == "rw") {
      values_.read_only = false;
    } else if (key == "required") {
      if (!required_fits()) return does_not_fit(field);
      values_.required = true;
    } else {
      const auto& keys = key_names();
      const bool known = std::find(keys.begin(), keys.end(), key) != keys.end();
      mistake(field.span,
              known ? "the key " + quoted(key) + " needs a value"
                    : "unknown key " + quoted(key) + " of --mount",
              known ? "write " + key + "=VALUE" : hint_for(key, keys));
    }
  }

  std::string text(const std::optional<std::string>& value) {
    if (!value) texts_known_ = false;
    return value.value_or("");
  }

  // `value` is nothing where it is not known; that the key was given still counts.
  void read_value(const RunMount::Field& field, const std::optional<std::string>& value) {
    const std::string& key = field.key.text;
    if (key == "type") {
      read_type(field, value);
    } else if (key == "source" || key == "src") {
      source_ = &field;
      values_.source = text(value);
    } else if (key == "target" || key == "dst" || key == "destination") {
      values_.target = text(value);
    } else if (key == "id") {
      values_.id = text(value);
    } else if (key == "env") {
      values_.env = value;
    } else if (key == "sharing") {
      sharing_ = &field;
      if (value) read_sharing(field, *value);
    } else if (key == "required") {
      if (!required_fits()) return does_not_fit(field);
      if (value) read_bool(field, *value, true, values_.required);
    } else if (key == "size") {
      if (!is(Type::tmpfs)) return does_not_fit(field);
      if (value) read_size(field, *value);
    } else if (key == "mode" || key == "uid" || key == "gid") {
      owner_keys_.push_back(&field);
      if (value) read_id(field, *value);
    } else if (value) {  // ro, readonly, rw, readwrite
      bool read_only = true;
      read_bool(field, *value, key.starts_with("ro") || key == "readonly", read_only);
      values_.read_only = read_only;
    }
  }

  void invalid(const RunMount::Field& field, const std::string& value, std::string hint) {
    mistake(field.value->span, "invalid value " + quoted(value) + " of " + field.key.text,
            std::move(hint));
  }

  void read_type(const RunMount::Field& field, const std::optional<std::string>& value) {
    type_known_ = false;
    if (!value) return;
    const auto& names = type_names();
    const auto found = std::find(names.begin(), names.end(), lower_case(*value));
    if (found == names.end()) {
      mistake(field.value->span, "unknown mount type " + quoted(*value),
              hint_for(lower_case(*value), names));
      return;
    }
    type_known_ = true;
    values_.type = static_cast<Type>(found - names.begin());
  }

  void read_sharing(const RunMount::Field& field, const std::string& value) {
    static const std::vector<std::string> modes = {"shared", "private", "locked"};
    const auto found = std::find(modes.begin(), modes.end(), lower_case(value));
    if (found == modes.end()) return invalid(field, value, hint_for(lower_case(value), modes));
    values_.sharing = static_cast<Sharing>(found - modes.begin());
  }

  void read_bool(const RunMount::Field& field, const std::string& value, bool when_true,
                 bool& result) {
    const auto boolean = read_boolean(value);
    if (!boolean) return invalid(field, value, "it is true or false");
    result = *boolean == when_true;
  }

  void read_size(const RunMount::Field& field, const std::string& value) {
    values_.size = slipway::read_size(value);
    if (!values_.size) invalid(field, value, "write it as 64m or 1GiB");
  }

  void read_id(const RunMount::Field& field, const std::string& value) {
    const bool mode = field.key.text == "mode";
    auto& number = mode ? values_.mode : field.key.text == "uid" ? values_.uid : values_.gid;
    number = read_number(value, mode ? 8 : 10);
    if (!number) invalid(field, value, mode ? "write it in octal, as 0400" : "it is a number");
  }

  void check_together() {
    if (is(Type::bind) || is(Type::tmpfs))
      for (const RunMount::Field* field : owner_keys_) does_not_fit(*field);
    if (sharing_ != nullptr && !is(Type::cache)) does_not_fit(*sharing_);
    if (is(Type::ssh) && !values_.source.empty()) does_not_fit(*source_);
    if (!is(Type::secret) || !texts_known_) return;
    if (from_ != nullptr && !from_->value->text.empty())
      mistake(from_->value->span, "a secret mount has no from");
    if (!values_.source.empty() && !values_.id.empty())
      mistake(source_->value->span, "a secret mount takes source or id, not both");
    if (values_.source.empty() && values_.id.empty() && values_.target.empty())
      mistake(mount_.span, "a secret mount needs an id, a source or a target", "write id=NAME");
  }

  const RunMount& mount_;
  const WordValue& value_;
  std::vector<Diagnostic>& mistakes_;
  MountValues values_;
  bool type_known_ = true;
  bool texts_known_ = true;  // source, target and id
  const RunMount::Field* from_ = nullptr;
  const RunMount::Field* source_ = nullptr;
  const RunMount::Field* sharing_ = nullptr;
  std::vector<const RunMount::Field*> owner_keys_;  // mode, uid, gid
};

}  // namespace

MountValues mount_values(const RunMount& mount, const WordValue& value,
                         std::vector<Diagnostic>& mistakes) {
  return Reader(mount, value, mistakes).read();
}

const Word* mount_from(const RunMount& mount) {
  const Word* from = nullptr;
  for (const RunMount::Field& field : mount.fields)
    if (field.key.text == "from" && field.value) from = &*field.value;
  return from != nullptr && !from->text.empty() ? from : nullptr;
}

}  // namespace slipway
