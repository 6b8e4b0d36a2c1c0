#include <executor/devices/spec.hpp>

#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::json;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// SPEC.md: begins and ends with a letter or digit, between them also some signs.
bool is_name(std::string_view text, std::string_view signs) {
  return !text.empty() && is_letter_or_digit(text.front()) && is_letter_or_digit(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_letter_or_digit(c) || signs.find(c) != std::string_view::npos;
         });
}

// Reads members, and knows where it is for a message.
class Reader {
 public:
  explicit Reader(std::string where) : where_(std::move(where)) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(quoted(where_) + " is no CDI specification: " + what);
  }

  // Null where it is missing.
  const Json* member(const Json& object, const char* key) const {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }
  std::string text(const Json& object, const char* key) const {
    const Json* value = member(object, key);
    if (value == nullptr) return {};
    if (!value->is_string()) fail(std::string(key) + " is no text");
    auto result = value->get<std::string>();
    // It goes to the kernel, which reads no further.
    if (result.find('\0') != std::string::npos) fail(std::string(key) + " holds a zero byte");
    return result;
  }
  std::string path(const Json& object, const char* key) const {
    std::string result = text(object, key);
    if (!result.starts_with('/')) fail(std::string(key) + " is no absolute path");
    return result;
  }
  std::optional<std::uint32_t> number(const Json& object, const char* key) const {
    const Json* value = member(object, key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > 0xffffffffU)
      fail(std::string(key) + " is no number");
    return static_cast<std::uint32_t>(value->get<std::uint64_t>());
  }
  const Json& list(const Json& object, const char* key) const {
    static const Json none = Json::array();
    const Json* value = member(object, key);
    if (value == nullptr) return none;
    if (!value->is_array()) fail(std::string(key) + " is no list");
    return *value;
  }
  const Json& object(const Json& value, const char* what) const {
    if (!value.is_object()) fail(std::string(what) + " is no object");
    return value;
  }
  std::map<std::string, std::string> annotations(const Json& of) const {
    std::map<std::string, std::string> result;
    const Json* value = member(of, "annotations");
    if (value == nullptr) return result;
    for (const auto& [key, each] : object(*value, "annotations").items()) {
      // BuildKit's own examples write true without quotes.
      if (!each.is_string() && !each.is_boolean()) fail("annotation " + key + " is no text");
      result[key] = each.is_string() ? each.get<std::string>() : each.get<bool>() ? "true" : "false";
    }
    return result;
  }

 private:
  std::string where_;
};

DeviceNode node_of(const Reader& reader, const Json& json, DeviceEdits& edits) {
  DeviceNode node;
  node.path = reader.path(json, "path");
  node.host_path = reader.text(json, "hostPath");
  if (node.host_path.empty()) node.host_path = node.path;
  if (const std::string type = reader.text(json, "type"); !type.empty()) {
    if (type != "c" && type != "b" && type != "u") {
      edits.impossible = "a node of type " + quoted(type);
    } else {
      node.type = type == "b" ? 'b' : 'c';
    }
  }
  node.major = reader.number(json, "major");
  node.minor = reader.number(json, "minor");
  node.mode = reader.number(json, "fileMode").value_or(node.mode) & 07777;
  node.uid = reader.number(json, "uid").value_or(0);
  node.gid = reader.number(json, "gid").value_or(0);
  const std::string permissions = reader.text(json, "permissions");
  const auto may = [&](char what) { return permissions.find(what) != std::string::npos; };
  if (!permissions.empty() && !(may('r') && may('w')))
    edits.impossible = "a node with the permissions " + quoted(permissions);
  return node;
}

DeviceMount mount_of(const Reader& reader, const Json& json, DeviceEdits& edits) {
  // A closed set: nothing of it reaches the kernel as text. All mounts of a step are private.
  static constexpr std::array harmless = {"ro",      "rw",     "bind",     "rbind",  "nosuid",
                                          "nodev",   "noexec", "private",  "rprivate",
                                          "relatime", "noatime", "exec"};
  DeviceMount mount;
  mount.host_path = reader.path(json, "hostPath");
  mount.path = reader.path(json, "containerPath");
  const std::string type = reader.text(json, "type");
  if (!type.empty() && type != "bind" && type != "none")
    edits.impossible = "a mount of type " + quoted(type);
  for (const Json& option : reader.list(json, "options")) {
    if (!option.is_string()) reader.fail("an option of a mount is no text");
    const auto text = option.get<std::string>();
    if (std::find(harmless.begin(), harmless.end(), text) == harmless.end())
      edits.impossible = "a mount with the option " + quoted(text);
    if (text == "ro") mount.read_only = true;
  }
  return mount;
}

DeviceEdits edits_of(const Reader& reader, const Json& of) {
  DeviceEdits edits;
  const Json* json = reader.member(of, "containerEdits");
  if (json == nullptr) return edits;
  reader.object(*json, "containerEdits");
  for (const Json& variable : reader.list(*json, "env")) {
    const auto text = variable.is_string() ? variable.get<std::string>() : std::string();
    if (text.find('=') == std::string::npos || text.starts_with('=') ||
        text.find('\0') != std::string::npos)
      reader.fail("a variable of env is not NAME=VALUE");
    edits.environment.push_back(text);
  }
  for (const Json& node : reader.list(*json, "deviceNodes"))
    edits.nodes.push_back(node_of(reader, reader.object(node, "a device node"), edits));
  for (const Json& mount : reader.list(*json, "mounts"))
    edits.mounts.push_back(mount_of(reader, reader.object(mount, "a mount"), edits));
  for (const Json& group : reader.list(*json, "additionalGids")) {
    if (!group.is_number_unsigned() || group.get<std::uint64_t>() > 0xffffffffU)
      reader.fail("a group of additionalGids is no number");
    edits.groups.push_back(static_cast<std::uint32_t>(group.get<std::uint64_t>()));
  }
  if (!reader.list(*json, "hooks").empty()) edits.impossible = "a hook";
  if (!reader.list(*json, "netDevices").empty()) edits.impossible = "a network device";
  if (reader.member(*json, "intelRdt") != nullptr) edits.impossible = "Intel RDT";
  return edits;
}

}  // namespace

std::string_view device_kind(std::string_view name) {
  const std::string_view kind = name.substr(0, name.find('='));
  const std::size_t slash = kind.find('/');
  if (slash == std::string_view::npos || !is_name(kind.substr(0, slash), "_-.") ||
      !is_name(kind.substr(slash + 1), "_-."))
    return {};
  return kind;
}

std::vector<CdiDevice> read_cdi_spec(std::string_view text, const std::string& name) {
  const Reader reader(name);
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) reader.fail("it is not JSON");
  reader.object(json, "it");
  if (!reader.text(json, "cdiVersion").starts_with("0.") &&
      !reader.text(json, "cdiVersion").starts_with("1."))
    reader.fail("cdiVersion is none of 0.x or 1.x");
  const std::string kind = reader.text(json, "kind");
  if (device_kind(kind) != kind || kind.empty()) reader.fail("kind is not VENDOR/CLASS");
  const auto annotations = reader.annotations(json);
  const auto common = std::make_shared<const DeviceEdits>(edits_of(reader, json));
  std::vector<CdiDevice> devices;
  for (const Json& each : reader.list(json, "devices")) {
    const std::string own = reader.text(reader.object(each, "a device"), "name");
    if (!is_name(own, "_-.:")) reader.fail("a device has the name " + quoted(own));
    CdiDevice device;
    device.name = kind + "=" + own;
    device.annotations = reader.annotations(each);
    device.annotations.insert(annotations.begin(), annotations.end());
    device.edits = edits_of(reader, each);
    device.common = common;
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace slipway
