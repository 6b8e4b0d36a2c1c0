#include <ir/key.hpp>

#include <cstdint>
#include <type_traits>

namespace slipway {
namespace {

// The format. A part is a label and a value. A label is a path of field names; an element of a
// list has its index, or the name by which people know it, in brackets, where ']' and '\' stand
// behind a '\'. So a label says without doubt whose value follows, lists of different lengths
// give different labels, and two operations that differ give different parts.

struct Octal {  // a mode, shown as people write it
  std::uint32_t value;
};
struct Environment {  // "NAME=value" entries, known by their names
  const std::vector<std::string>& entries;
};

// fields() calls visit(label, value) for every member. The structured bindings must name all
// members of a struct, so one that is added there and forgotten here does not compile.

template <class Visit>
void fields(const Platform& value, const Visit& visit) {
  const auto& [os, architecture, variant] = value;
  visit("os", os);
  visit("architecture", architecture);
  visit("variant", variant);
}

template <class Visit>
void fields(const Scratch&, const Visit&) {
  static_assert(std::is_empty_v<Scratch>);
}

template <class Visit>
void fields(const BaseImage& value, const Visit& visit) {
  const auto& [reference, config] = value;
  visit("reference", reference);
  visit("config", config.text());
}

template <class Visit>
void fields(const ReadContext& value, const Visit& visit) {
  const auto& [name] = value;
  visit("name", name);
}

template <class Visit>
void fields(const FetchHttp& value, const Visit& visit) {
  const auto& [url, file_name, checksum] = value;
  visit("url", url);
  visit("file_name", file_name);
  visit("checksum", checksum);
}

template <class Visit>
void fields(const FetchGit& value, const Visit& visit) {
  const auto& [remote, ref, subdir, checksum, commit, keep_git_dir, submodules, by_commit] = value;
  visit("remote", remote);
  visit("ref", ref);
  visit("subdir", subdir);
  visit("checksum", checksum);
  visit("commit", commit);
  visit("keep_git_dir", keep_git_dir);
  visit("submodules", submodules);
  visit("by_commit", by_commit);
}

template <class Visit>
void fields(const RunProcess::Mount::Unkeyed& value, const Visit& visit) {
  const auto& [id] = value;
  visit("id", id);
}

template <class Visit>
void fields(const RunProcess::Mount& value, const Visit& visit) {
  const auto& [type, input, source, target, read_only, sharing, size, mode, uid, gid, required, env,
               unkeyed] = value;
  visit("type", type);
  visit("input", input);
  visit("source", source);
  visit("target", target);
  visit("read_only", read_only);
  visit("sharing", sharing);
  visit("size", size);
  visit("mode", Octal{mode});
  visit("uid", uid);
  visit("gid", gid);
  visit("required", required);
  visit("env", env);
  visit("unkeyed", unkeyed);
}

template <class Visit>
void fields(const RunProcess::Script& value, const Visit& visit) {
  const auto& [name, content] = value;
  visit("name", name);
  visit("content", content);
}

template <class Visit>
void fields(const RunProcess::Device& value, const Visit& visit) {
  const auto& [name, required] = value;
  visit("name", name);
  visit("required", required);
}

template <class Visit>
void fields(const RunProcess::Unkeyed& value, const Visit& visit) {
  const auto& [proxies, shell, build_arguments] = value;
  // For people: equal steps are one all the same.
  static_cast<void>(shell);
  static_cast<void>(build_arguments);
  visit("proxies", proxies);
}

template <class Visit>
void fields(const RunProcess& value, const Visit& visit) {
  const auto& [arguments, environment, working_directory, user, mounts, scripts, network, security,
               hostname, extra_hosts, shm_size, ulimits, devices, platform, unkeyed] = value;
  visit("arguments", arguments);
  visit("environment", Environment{environment});
  visit("working_directory", working_directory);
  visit("user", user);
  visit("mount", mounts);
  visit("script", scripts);
  visit("network", network);
  visit("security", security);
  visit("hostname", hostname);
  visit("extra_host", extra_hosts);
  visit("shm_size", shm_size);
  visit("ulimit", ulimits);
  visit("device", devices);
  visit("platform", platform);
  visit("unkeyed", unkeyed);
}

template <class Visit>
void fields(const CopyFiles::Selection& value, const Visit& visit) {
  const auto& [input, path, wildcards, unpack, origin] = value;
  static_cast<void>(origin);  // for messages
  visit("input", input);
  visit("path", path);
  visit("wildcards", wildcards);
  visit("unpack", unpack);
}

template <class Visit>
void fields(const CopyFiles::InlineFile& value, const Visit& visit) {
  const auto& [name, content] = value;
  visit("name", name);
  visit("content", content);
}

template <class Visit>
void fields(const CopyFiles& value, const Visit& visit) {
  const auto& [sources, destination, chown, chmod, exclude, parents, link] = value;
  visit("source", sources);
  visit("destination", destination);
  visit("chown", chown);
  visit("chmod", chmod);
  visit("exclude", exclude);
  visit("parents", parents);
  visit("link", link);
}

template <class Visit>
void fields(const MakeDirectory& value, const Visit& visit) {
  const auto& [path, owner, mode] = value;
  visit("path", path);
  visit("owner", owner);
  visit("mode", Octal{mode});
}

template <class Visit>
void fields(const StackLayers&, const Visit&) {
  static_assert(std::is_empty_v<StackLayers>);
}

// The names are part of the key: never those of the C++ types, which may change.
const char* name_of(const Scratch&) {
  return "scratch";
}
const char* name_of(const BaseImage&) {
  return "image";
}
const char* name_of(const ReadContext&) {
  return "context";
}
const char* name_of(const FetchHttp&) {
  return "http";
}
const char* name_of(const FetchGit&) {
  return "git";
}
const char* name_of(const RunProcess&) {
  return "run";
}
const char* name_of(const CopyFiles&) {
  return "copy";
}
const char* name_of(const MakeDirectory&) {
  return "directory";
}
const char* name_of(const StackLayers&) {
  return "stack";
}

const char* name_of(RunProcess::Network value) {
  switch (value) {
    case RunProcess::Network::default_:
      return "default";
    case RunProcess::Network::none:
      return "none";
    case RunProcess::Network::host:
      return "host";
  }
  return "";
}

const char* name_of(RunProcess::Security value) {
  switch (value) {
    case RunProcess::Security::sandbox:
      return "sandbox";
    case RunProcess::Security::insecure:
      return "insecure";
  }
  return "";
}

const char* name_of(RunProcess::Mount::Type value) {
  switch (value) {
    case RunProcess::Mount::Type::bind:
      return "bind";
    case RunProcess::Mount::Type::cache:
      return "cache";
    case RunProcess::Mount::Type::tmpfs:
      return "tmpfs";
    case RunProcess::Mount::Type::secret:
      return "secret";
    case RunProcess::Mount::Type::ssh:
      return "ssh";
  }
  return "";
}

const char* name_of(RunProcess::Mount::Sharing value) {
  switch (value) {
    case RunProcess::Mount::Sharing::shared:
      return "shared";
    case RunProcess::Mount::Sharing::private_:
      return "private";
    case RunProcess::Mount::Sharing::locked:
      return "locked";
  }
  return "";
}

std::string bracketed(std::string_view text) {
  std::string result = "[";
  for (const char c : text) {
    if (c == ']' || c == '\\') result += '\\';
    result += c;
  }
  return result + "]";
}

std::string bracketed(std::size_t index) {
  return "[" + std::to_string(index) + "]";
}

template <class T>
concept Enumeration = std::is_enum_v<T>;

template <class T>
concept Unkeyed =
    std::is_same_v<T, RunProcess::Unkeyed> || std::is_same_v<T, RunProcess::Mount::Unkeyed>;

// Turns fields into parts, with the labels below `prefix`.
class PartWriter {
 public:
  PartWriter(KeyParts& parts, bool with_unkeyed) : parts_(parts), with_unkeyed_(with_unkeyed) {}

  void operation(const Operation& operation) {
    std::visit(
        [&](const auto& value) {
          parts_.push_back({"operation", name_of(value)});
          members("", value);
        },
        operation);
  }

 private:
  template <class T>
  void members(const std::string& prefix, const T& value) {
    fields(value, [&](std::string_view name, const auto& field) {
      write(prefix + std::string(name), field);
    });
  }

  void write(const std::string& label, const std::string& value) {
    parts_.push_back({label, value});
  }
  void write(const std::string& label, bool value) {
    parts_.push_back({label, value ? "true" : "false"});
  }
  void write(const std::string& label, std::uint32_t value) {
    parts_.push_back({label, std::to_string(value)});
  }
  void write(const std::string& label, std::uint64_t value) {
    parts_.push_back({label, std::to_string(value)});
  }
  template <Enumeration T>
  void write(const std::string& label, T value) {
    parts_.push_back({label, name_of(value)});
  }
  void write(const std::string& label, Octal octal) {
    std::string digits;
    for (std::uint32_t rest = octal.value; rest != 0; rest /= 8)
      digits.insert(digits.begin(), static_cast<char>('0' + rest % 8));
    parts_.push_back({label, "0" + digits});
  }
  void write(const std::string& label, const Platform& platform) { members(label + ".", platform); }

  template <Unkeyed T>
  void write(const std::string& label, const T& value) {
    if (with_unkeyed_) members(label + ".", value);
  }

  void write(const std::string& label, const std::vector<std::string>& values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      parts_.push_back({label + bracketed(i), values[i]});
  }
  void write(const std::string& label, const Environment& environment) {
    for (const std::string& entry : environment.entries) {
      const std::size_t equals = entry.find('=');
      if (equals == std::string::npos) {
        parts_.push_back({label + ".bare" + bracketed(entry), ""});
      } else {
        parts_.push_back({label + bracketed(std::string_view(entry).substr(0, equals)),
                          entry.substr(equals + 1)});
      }
    }
  }
  void write(const std::string& label,
             const std::vector<std::pair<std::string, std::string>>& pairs) {
    for (const auto& [name, value] : pairs) parts_.push_back({label + bracketed(name), value});
  }
  void write(const std::string& label, const std::vector<RunProcess::Mount>& mounts) {
    for (const RunProcess::Mount& mount : mounts)
      members(label + bracketed(mount.target) + ".", mount);
  }
  void write(const std::string& label, const std::vector<RunProcess::Device>& devices) {
    for (std::size_t i = 0; i < devices.size(); ++i)
      members(label + bracketed(i) + ".", devices[i]);
  }
  void write(const std::string& label, const std::vector<RunProcess::Script>& scripts) {
    for (const RunProcess::Script& script : scripts)
      members(label + bracketed(script.name) + ".", script);
  }
  void write(
      const std::string& label,
      const std::vector<std::variant<CopyFiles::Selection, CopyFiles::InlineFile>>& sources) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      std::visit([&](const auto& source) { members(label + bracketed(i) + ".", source); },
                 sources[i]);
    }
  }

  KeyParts& parts_;
  bool with_unkeyed_;
};

// A string behind its length, so that no two sequences of strings give the same bytes.
void update(Hasher& hasher, std::string_view text) {
  hasher.update(std::to_string(text.size()) + ":");
  hasher.update(text);
}

void update(Hasher& hasher, const KeyParts& parts) {
  update(hasher, std::to_string(parts.size()));
  for (const auto& [label, value] : parts) {
    update(hasher, label);
    update(hasher, value);
  }
}

}  // namespace

KeyParts key_parts(const Operation& operation) {
  KeyParts parts;
  PartWriter(parts, false).operation(operation);
  return parts;
}

CacheKey cache_key(const KeyParts& parts) {
  Hasher hasher;
  update(hasher, key_format);
  update(hasher, parts);
  return {hasher.finish()};
}

DefinitionDigest definition_digest(const Operation& operation,
                                   const std::vector<DefinitionDigest>& inputs) {
  KeyParts parts;
  PartWriter(parts, true).operation(operation);
  Hasher hasher;
  update(hasher, "definition");
  update(hasher, parts);
  for (const DefinitionDigest& input : inputs) update(hasher, input.hex());
  return {hasher.finish()};
}

}  // namespace slipway
