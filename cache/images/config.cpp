// Image configs as JSON (image-spec, config.md), with docker's additions.
//
// Writing: keys in the order of the specification's example, absent values left out, bytes that
// are not UTF-8 replaced by U+FFFD, as Go does. Reading: anything but a config of a known shape is
// an Error that names the field; unknown fields are ignored, as the specification asks.
#include <cache/images/store.hpp>
#include <cache/images/time.hpp>
#include <cache/json_bounds.hpp>

#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <limits>

namespace slipway {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// Real ones have some kilobytes; what registries accept for a manifest is 4 MiB.
constexpr std::size_t longest_config = std::size_t{8} << 20;
constexpr std::size_t deepest_config = 32;
constexpr std::size_t most_values = 500000;
// As many as the kernel mounts (OVL_MAX_STACK).
constexpr std::size_t most_layers = 500;
constexpr std::size_t most_history = 10000;

Error malformed(const std::string& what) { return Error("the image config is malformed: " + what); }

// A field and where it stands, for messages. Null counts as absent, as in Go.
class Field {
 public:
  Field(const Json* value, std::string path) : value_(value), path_(std::move(path)) {}

  Field operator[](const char* key) const {
    const std::string path = path_.empty() ? key : path_ + "." + key;
    if (value_ == nullptr) return {nullptr, path};
    if (!value_->is_object()) throw wrong("an object");
    const auto found = value_->find(key);
    return {found == value_->end() || found->is_null() ? nullptr : &*found, path};
  }
  explicit operator bool() const { return value_ != nullptr; }

  std::string text() const {
    if (value_ == nullptr) return {};
    if (!value_->is_string()) throw wrong("a string");
    return checked(value_->get_ref<const std::string&>());
  }
  bool truth() const {
    if (value_ == nullptr) return false;
    if (!value_->is_boolean()) throw wrong("true or false");
    return value_->get<bool>();
  }
  std::int64_t number() const {
    if (value_ == nullptr) return 0;
    const bool fits = value_->is_number_integer() &&
                      (!value_->is_number_unsigned() ||
                       value_->get<std::uint64_t>() <=
                           static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    if (!fits) throw wrong("a whole number");
    return value_->get<std::int64_t>();
  }
  std::optional<std::vector<std::string>> texts() const {
    if (value_ == nullptr) return std::nullopt;
    // Docker reads a single string where it expects a list of them.
    if (value_->is_string()) return std::vector<std::string>{text()};
    std::vector<std::string> list;
    for (const Field& element : elements()) list.push_back(element.text());
    return list;
  }
  std::vector<Field> elements() const {
    std::vector<Field> list;
    if (value_ == nullptr) return list;
    if (!value_->is_array()) throw wrong("a list");
    list.reserve(value_->size());
    for (std::size_t i = 0; i < value_->size(); ++i)
      list.emplace_back(&(*value_)[i], path_ + "[" + std::to_string(i) + "]");
    return list;
  }
  // The keys of an object whose values say nothing: {"80/tcp": {}}.
  std::set<std::string> keys() const {
    std::set<std::string> names;
    if (value_ == nullptr) return names;
    if (!value_->is_object()) throw wrong("an object");
    for (const auto& [name, value] : value_->items()) names.insert(checked(name));
    return names;
  }
  std::map<std::string, std::string> pairs() const {
    std::map<std::string, std::string> pairs;
    if (value_ == nullptr) return pairs;
    if (!value_->is_object()) throw wrong("an object");
    for (const auto& [name, value] : value_->items())
      pairs.emplace(checked(name), Field(&value, path_ + "." + name).text());
    return pairs;
  }

 private:
  Error wrong(const std::string& expected) const {
    return malformed((path_.empty() ? "it" : quoted(path_)) + " is not " + expected);
  }
  // No program could be given such a string, and one that is cut there says something else.
  const std::string& checked(const std::string& text) const {
    if (text.find('\0') != text.npos) throw malformed(quoted(path_) + " holds a zero byte");
    return text;
  }

  const Json* value_;  // null: absent
  std::string path_;
};

std::string checked_time(const Field& field) {
  const std::string time = field.text();
  if (!time.empty() && !parse_time(time))
    throw malformed("the time " + quoted(time) + " is not one of RFC 3339");
  return time;
}

HealthcheckConfig read_healthcheck(const Field& json) {
  HealthcheckConfig check;
  check.test = json["Test"].texts().value_or(std::vector<std::string>{});
  check.interval = json["Interval"].number();
  check.timeout = json["Timeout"].number();
  check.start_period = json["StartPeriod"].number();
  check.start_interval = json["StartInterval"].number();
  check.retries = json["Retries"].number();
  return check;
}

void read_run_config(const Field& json, ImageConfig& config) {
  config.user = json["User"].text();
  config.exposed_ports = json["ExposedPorts"].keys();
  config.env = json["Env"].texts().value_or(std::vector<std::string>{});
  config.entrypoint = json["Entrypoint"].texts();
  config.cmd = json["Cmd"].texts();
  config.volumes = json["Volumes"].keys();
  config.working_dir = json["WorkingDir"].text();
  config.labels = json["Labels"].pairs();
  config.stop_signal = json["StopSignal"].text();
  if (const Field check = json["Healthcheck"]) config.healthcheck = read_healthcheck(check);
  config.shell = json["Shell"].texts().value_or(std::vector<std::string>{});
  config.on_build = json["OnBuild"].texts().value_or(std::vector<std::string>{});
  config.args_escaped = json["ArgsEscaped"].truth();
}

void read_layers(const Field& rootfs, ImageConfig& config) {
  if (!rootfs) throw malformed("there is no \"rootfs\"");
  if (const std::string type = rootfs["type"].text(); type != "layers")
    throw malformed("\"rootfs.type\" is " + quoted(type) + " instead of \"layers\"");
  const std::vector<Field> layers = rootfs["diff_ids"].elements();
  if (layers.size() > most_layers)
    throw malformed("it lists " + std::to_string(layers.size()) + " layers, more than the " +
                    std::to_string(most_layers) + " that can be mounted");
  for (const Field& layer : layers) {
    const std::string text = layer.text();
    const std::optional<Digest> digest = Digest::parse(text);
    if (!digest) throw malformed("the diffID " + quoted(text) + " is not a sha256");
    config.diff_ids.push_back(DiffId{*digest});
  }
}

void set(OrderedJson& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

void set(OrderedJson& object, const char* key, std::int64_t value) {
  if (value != 0) object[key] = value;
}

void set(OrderedJson& object, const char* key, const std::vector<std::string>& values) {
  if (!values.empty()) object[key] = values;
}

void set(OrderedJson& object, const char* key, const std::set<std::string>& keys) {
  for (const std::string& name : keys) object[key][name] = OrderedJson::object();
}

OrderedJson run_config(const ImageConfig& config) {
  OrderedJson json = OrderedJson::object();
  set(json, "User", config.user);
  set(json, "ExposedPorts", config.exposed_ports);
  set(json, "Env", config.env);
  if (config.entrypoint) json["Entrypoint"] = *config.entrypoint;
  if (config.cmd) json["Cmd"] = *config.cmd;
  if (config.healthcheck) {
    OrderedJson& check = json["Healthcheck"] = OrderedJson::object();
    set(check, "Test", config.healthcheck->test);
    set(check, "Interval", config.healthcheck->interval);
    set(check, "Timeout", config.healthcheck->timeout);
    set(check, "StartPeriod", config.healthcheck->start_period);
    set(check, "StartInterval", config.healthcheck->start_interval);
    set(check, "Retries", config.healthcheck->retries);
  }
  if (config.args_escaped) json["ArgsEscaped"] = true;
  set(json, "Volumes", config.volumes);
  set(json, "WorkingDir", config.working_dir);
  set(json, "OnBuild", config.on_build);
  for (const auto& [name, value] : config.labels) json["Labels"][name] = value;
  set(json, "StopSignal", config.stop_signal);
  set(json, "Shell", config.shell);
  return json;
}

}  // namespace

std::string write_image_config(const ImageConfig& config) {
  OrderedJson json = OrderedJson::object();
  set(json, "created", config.created);
  set(json, "author", config.author);
  json["architecture"] = config.platform.architecture;
  set(json, "variant", config.platform.variant);
  json["os"] = config.platform.os;
  set(json, "os.version", config.os_version);
  json["config"] = run_config(config);
  json["rootfs"]["type"] = "layers";
  json["rootfs"]["diff_ids"] = OrderedJson::array();
  for (const DiffId& layer : config.diff_ids) json["rootfs"]["diff_ids"].push_back(layer.text());
  for (const HistoryEntry& entry : config.history) {
    OrderedJson line = OrderedJson::object();
    set(line, "created", entry.created);
    set(line, "created_by", entry.created_by);
    set(line, "author", entry.author);
    set(line, "comment", entry.comment);
    if (entry.empty_layer) line["empty_layer"] = true;
    json["history"].push_back(std::move(line));
  }
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

ImageConfig read_image_config(std::string_view text) {
  if (text.size() > longest_config) throw malformed("it is longer than 8 MiB");
  if (!is_modest_json(text, deepest_config, most_values))
    throw malformed("it is nested too deeply, or has too many values");
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) throw malformed("it is not JSON");
  if (!json.is_object()) throw malformed("it is not an object");

  const Field root(&json, "");
  ImageConfig config;
  config.created = checked_time(root["created"]);
  config.author = root["author"].text();
  config.platform = {root["os"].text(), root["architecture"].text(), root["variant"].text()};
  config.os_version = root["os.version"].text();
  read_run_config(root["config"], config);
  read_layers(root["rootfs"], config);
  const std::vector<Field> history = root["history"].elements();
  if (history.size() > most_history) throw malformed("its history is too long");
  for (const Field& entry : history)
    config.history.push_back({checked_time(entry["created"]), entry["created_by"].text(),
                              entry["author"].text(), entry["comment"].text(),
                              entry["empty_layer"].truth()});
  return config;
}

}  // namespace slipway
