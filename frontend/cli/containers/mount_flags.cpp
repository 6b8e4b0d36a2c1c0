#include "mount_flags.hpp"

#include <cache/containers/names.hpp>
#include <executor/csv.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using Type = ContainerMount::Type;

// The flag and its value, for messages.
struct Given {
  std::string flag;
  const std::string& text;
  Error wrong(const std::string& why) const { return Error(flag + " " + quoted(text) + " " + why); }
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string clean(const std::filesystem::path& path) {
  std::string text = path.lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::string target_of(const Given& given, const std::string& text) {
  if (text.empty()) throw given.wrong("has no target").hint("a path in the container, as /data");
  if (text.find('\0') != text.npos) throw given.wrong("holds a zero byte");
  if (!text.starts_with('/'))
    throw given.wrong("has the target " + quoted(text) + ", which is not absolute")
        .hint("a path in the container begins with /");
  std::string target = clean(text);
  // POSIX lets two leading slashes mean something else, and so does the library.
  if (target.starts_with("//")) target.erase(0, 1);
  if (target == "/") throw given.wrong("has the target /, and that is the image");
  return target;
}

// As docker: "./data" and "../data" are paths, "data" is a volume.
bool is_path(std::string_view source) {
  return source.starts_with('/') || source == "." || source == ".." || source.starts_with("./") ||
         source.starts_with("../");
}

std::string volume_name(const Given& given, const std::string& text) {
  if (is_container_name(text)) return text;
  Error error = given.wrong("has the source " + quoted(text) + ", which is no name of a volume");
  if (text.find('/') != text.npos) throw error.hint("a path begins with / or ./");
  throw error.hint("two or more letters, digits, '_', '.' and '-', the first a letter or a digit");
}

// What a mount point's propagation can be.
void take_propagation(const Given& given, const std::string& value) {
  if (value == "rprivate" || value == "private") return;
  if (value == "rshared" || value == "shared" || value == "rslave" || value == "slave")
    throw given.wrong("asks for " + value + ", and what is mounted in a container stays there")
        .hint("rprivate is what there is");
  throw given.wrong("knows no propagation " + quoted(value));
}

std::uint64_t size_of(const Given& given, const std::string& value) {
  if (const auto size = read_size(value)) return *size;
  throw given.wrong("has the size " + quoted(value) + ", which is none")
      .hint("a number with b, k, m, g or none: 512m, 1.5g");
}

std::uint32_t mode_of(const Given& given, const std::string& value) {
  const auto mode = read_number(value, 8);
  if (!value.empty() && mode && *mode <= 07777) return *mode;
  throw given.wrong("has the mode " + quoted(value) + ", which is none").hint("for example 1777");
}

bool switch_of(const Given& given, const std::string& name, const std::string& value) {
  if (const auto on = read_boolean(value)) return *on;
  throw given.wrong("has " + quoted(value) + " for " + name).hint("true or false");
}

void take_volume_option(const Given& given, AskedMount& asked, const std::string& option) {
  ContainerMount& mount = asked.mount;
  // Labels of SELinux, which slipway has none of; and docker's on other systems.
  for (const char* ignored : {"z", "Z", "consistent", "cached", "delegated"})
    if (option == ignored) return;
  if (option == "ro" || option == "readonly") {
    mount.read_only = true;
  } else if (option == "rw") {
    mount.read_only = false;
  } else if (option == "nocopy") {
    if (mount.type != Type::volume)
      throw given.wrong("has nocopy, which is about volumes").hint("nothing is copied to a path");
    mount.no_copy = true;
  } else if (option.ends_with("private") || option.ends_with("shared") ||
             option.ends_with("slave")) {
    take_propagation(given, option);
  } else {
    throw given.wrong("has an option that is not known, " + quoted(option))
        .hint(did_you_mean(option, {"ro", "rw", "nocopy", "rprivate"}, "ro, rw, nocopy, z, Z"));
  }
}

// --mount: what has been named so far.
struct Fields {
  std::string type = "volume";
  std::string source;
  std::string target;
  std::vector<std::string> used;  // those that belong to one type: "volume-nocopy"
};

const std::vector<std::string> mount_fields = {
    "type",        "source",     "src",         "target",          "dst",
    "destination", "readonly",   "ro",          "volume-nocopy",   "volume-label",
    "tmpfs-size",  "tmpfs-mode", "consistency", "bind-propagation"};

void take_field(const Given& given, AskedMount& asked, Fields& fields, const std::string& name,
                const std::string& value) {
  ContainerMount& mount = asked.mount;
  if (name == "type") {
    fields.type = value;
  } else if (name == "source" || name == "src") {
    fields.source = value;
  } else if (name == "target" || name == "dst" || name == "destination") {
    fields.target = value;
  } else if (name == "readonly" || name == "ro") {
    mount.read_only = switch_of(given, name, value);
  } else if (name == "consistency") {
    return;  // docker's on other systems
  } else if (name == "bind-propagation") {
    take_propagation(given, value);
  } else if (name == "bind-recursive") {
    if (value != "enabled" && value != "writable" && value != "true")
      throw given.wrong("has bind-recursive=" + value + ", and a directory comes with its mounts");
  } else if (name == "volume-nocopy") {
    mount.no_copy = switch_of(given, name, value);
  } else if (name == "volume-label") {
    const std::size_t equals = value.find('=');
    asked.labels[value.substr(0, equals)] = equals == value.npos ? "" : value.substr(equals + 1);
  } else if (name == "volume-driver") {
    if (value != "local")
      throw given.wrong("has a driver, and volumes are directories of the store");
  } else if (name == "volume-opt" || name == "volume-subpath") {
    throw given.wrong("has " + name + ", which slipway's volumes do not know")
        .hint("a directory of this machine can be given with type=bind");
  } else if (name == "tmpfs-size") {
    mount.size = size_of(given, value);
  } else if (name == "tmpfs-mode") {
    mount.mode = mode_of(given, value);
  } else {
    throw given.wrong("has a field that is not known, " + quoted(name))
        .hint(did_you_mean(name, mount_fields, "type, source, target, readonly ..."));
  }
  const std::size_t dash = name.find('-');
  if (dash != name.npos) fields.used.push_back(name);
}

}  // namespace

AskedMount parse_volume(const std::string& text, const std::filesystem::path& directory) {
  const Given given{"--volume", text};
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 3)
    throw given.wrong("has more than two colons").hint("[SOURCE:]TARGET[:OPTIONS]");
  AskedMount asked;
  ContainerMount& mount = asked.mount;
  mount.type = Type::volume;
  if (parts.size() == 1) {
    mount.target = target_of(given, parts[0]);
    return asked;
  }
  const std::string& source = parts[0];
  if (source.empty()) throw given.wrong("has no source").hint("[SOURCE:]TARGET[:OPTIONS]");
  if (is_path(source)) {
    mount.type = Type::bind;
    mount.source = clean(directory / source);
    asked.makes_source = true;
  } else {
    mount.source = volume_name(given, source);
  }
  mount.target = target_of(given, parts[1]);
  if (parts.size() == 3)
    for (const std::string& option : split(parts[2], ',')) take_volume_option(given, asked, option);
  return asked;
}

AskedMount parse_mount(const std::string& text, const std::filesystem::path& directory) {
  const Given given{"--mount", text};
  AskedMount asked;
  ContainerMount& mount = asked.mount;
  Fields fields;
  for (const std::string& field : split_csv(text, "--mount")) {
    const std::size_t equals = field.find('=');
    const std::string name = field.substr(0, equals);
    if (equals == field.npos && name != "readonly" && name != "ro" && name != "volume-nocopy")
      throw given.wrong("has the field " + quoted(field) + ", which is not NAME=VALUE")
          .hint("for example type=volume,source=data,target=/data");
    take_field(given, asked, fields, name,
               equals == field.npos ? "true" : field.substr(equals + 1));
  }
  for (const auto& [name, type] : {std::pair("bind", Type::bind), std::pair("volume", Type::volume),
                                   std::pair("tmpfs", Type::tmpfs)}) {
    if (fields.type == name) mount.type = type;
  }
  if (fields.type != "bind" && fields.type != "volume" && fields.type != "tmpfs")
    throw given.wrong("has the type " + quoted(fields.type) + ", which is not known")
        .hint(did_you_mean(fields.type, {"bind", "volume", "tmpfs"}, "bind, volume or tmpfs"));
  for (const std::string& name : fields.used)
    if (!name.starts_with(fields.type + "-"))
      throw given.wrong("has " + name + ", which is not for type=" + fields.type);
  mount.target = target_of(given, fields.target);
  switch (mount.type) {
    case Type::bind:
      if (fields.source.empty())
        throw given.wrong("has no source")
            .hint("source= names a directory or file of this machine");
      mount.source = clean(directory / fields.source);
      break;
    case Type::volume:
      if (!fields.source.empty()) mount.source = volume_name(given, fields.source);
      break;
    case Type::tmpfs:
      if (!fields.source.empty()) throw given.wrong("has a source, and files in memory have none");
      break;
  }
  return asked;
}

AskedMount parse_tmpfs(const std::string& text) {
  const Given given{"--tmpfs", text};
  const std::size_t colon = text.find(':');
  AskedMount asked;
  ContainerMount& mount = asked.mount;
  mount.type = Type::tmpfs;
  mount.target = target_of(given, text.substr(0, colon));
  if (colon == text.npos) return asked;
  for (const std::string& option : split(std::string_view(text).substr(colon + 1), ',')) {
    if (option == "ro" || option == "rw") {
      mount.read_only = option == "ro";
    } else if (option.starts_with("size=")) {
      mount.size = size_of(given, option.substr(5));
    } else if (option.starts_with("mode=")) {
      mount.mode = mode_of(given, option.substr(5));
    } else if (option == "exec" || option == "noexec") {
      mount.exec = option == "exec";
    } else if (option != "nosuid" && option != "nodev") {  // as it is
      throw given.wrong("has an option that is not known, " + quoted(option))
          .hint("size=, mode=, ro, rw, nosuid, nodev, noexec, exec");
    }
  }
  return asked;
}

MountsOf parse_volumes_from(const std::string& text) {
  const Given given{"--volumes-from", text};
  const std::size_t colon = text.find(':');
  MountsOf from{text.substr(0, colon), std::nullopt};
  if (from.container.empty()) throw given.wrong("names no container");
  if (colon == text.npos) return from;
  for (const std::string& option : split(std::string_view(text).substr(colon + 1), ',')) {
    if (option == "z" || option == "Z") continue;
    if (option != "ro" && option != "rw")
      throw given.wrong("has an option that is not known, " + quoted(option)).hint("ro or rw");
    from.read_only = option == "ro";
  }
  return from;
}

}  // namespace slipway
