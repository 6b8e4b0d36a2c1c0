#include <executor/solve/part_names.hpp>

#include <executor/sources/hidden.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <variant>

namespace slipway {
namespace {

constexpr std::string_view secret_prefix = "secret[";
constexpr std::string_view variable_prefix = "environment[";
constexpr std::string_view mount_prefix = "mount[";

// The name in "environment[NAME]".
std::string_view bracketed_name(std::string_view label) {
  const auto open = label.find('[');
  if (open == std::string_view::npos || !label.ends_with(']')) return {};
  return label.substr(open + 1, label.size() - open - 2);
}

bool has_part_below(const Parts& parts, std::string_view prefix) {
  const auto found = parts.lower_bound(prefix);
  return found != parts.end() && found->first.starts_with(prefix);
}

std::string describe_variable(std::string_view label, const Parts& was, const Parts& is,
                              const Operation& operation) {
  const std::string_view variable = bracketed_name(label);
  const auto* run = std::get_if<RunProcess>(&operation);
  const bool argument = run != nullptr && std::find(run->unkeyed.build_arguments.begin(),
                                                    run->unkeyed.build_arguments.end(),
                                                    variable) != run->unkeyed.build_arguments.end();
  const std::string name =
      (argument ? "build argument " : "environment variable ") + std::string(variable);
  if (!was.contains(label)) return name + " added";
  if (!is.contains(label)) return name + " removed";
  const std::string_view before = value_of(was, label);
  const std::string_view after = value_of(is, label);
  if (is_hidden_part(label, before) || is_hidden_part(label, after) || before.empty() ||
      after.empty())
    return name + " changed";
  return with_values(name, before, after);
}

// "mount[/target].field" as "mount /target: field".
std::string describe_mount(std::string_view label, const Parts& was, const Parts& is) {
  const auto end = label.rfind("].");
  if (end == label.npos) return "--mount changed";
  const std::string_view prefix = label.substr(0, end + 2);
  const std::string_view target =
      prefix.substr(mount_prefix.size(), prefix.size() - mount_prefix.size() - 2);
  if (quoted(target).size() != target.size() + 2) return "--mount changed";
  const std::string name = "mount " + std::string(target);
  if (!has_part_below(was, prefix)) return name + " added";
  if (!has_part_below(is, prefix)) return name + " removed";
  std::string field(label.substr(end + 2));
  std::replace(field.begin(), field.end(), '_', ' ');
  return with_values(name + ": " + field, value_of(was, label), value_of(is, label));
}

std::string platform_of(const Parts& parts) {
  std::string text(value_of(parts, "platform.os"));
  for (const std::string_view label : {"platform.architecture", "platform.variant"})
    if (const std::string_view value = value_of(parts, label); !value.empty())
      text += "/" + std::string(value);
  return text;
}

std::string describe_source(std::string_view label, const Parts& was, const Parts& is) {
  const auto bracket = label.find(']');
  const std::string_view field = label.substr(std::min(bracket + 2, label.size()));
  const std::string name(label.substr(0, bracket + 1));
  if (field == "content" && was.contains(label) && is.contains(label))
    return "heredoc " + std::string(value_of(is, name + ".name")) + ": content";
  if (field == "unpack") return "unpacking changed";
  if (field == "path" && was.contains(label) && is.contains(label))
    return with_values("source", value_of(was, label), value_of(is, label));
  return "sources changed";
}

}  // namespace

std::string_view value_of(const Parts& parts, std::string_view label) {
  const auto found = parts.find(label);
  return found == parts.end() ? std::string_view() : found->second;
}

bool is_hidden_part(std::string_view label, std::string_view value) {
  if (label.starts_with(secret_prefix)) return true;
  if (!label.starts_with(variable_prefix)) return false;
  return is_secret_name(bracketed_name(label)) || has_credentials(value);
}

std::string shown_part(std::string_view label, std::string_view value) {
  return is_hidden_part(label, value) ? "(hidden)" : std::string(value);
}

std::string with_values(const std::string& name, std::string_view was, std::string_view is) {
  constexpr std::size_t longest = 60;
  const auto fits = [](std::string_view value) {
    return !value.empty() && value.size() <= longest && quoted(value).size() == value.size() + 2;
  };
  if (was.empty() && fits(is)) return name + " " + std::string(is) + " added";
  if (is.empty() && fits(was)) return name + " " + std::string(was) + " removed";
  if (!fits(was) || !fits(is)) return name + " changed";
  return name + " changed: " + std::string(was) + " -> " + std::string(is);
}

std::string describe_part(std::string_view label, const Parts& was, const Parts& is,
                          const Operation& operation) {
  const std::string_view before = value_of(was, label);
  const std::string_view after = value_of(is, label);
  if (label == "operation") return "instruction changed";
  if (label.starts_with("arguments")) return "command changed";
  if (label.starts_with(variable_prefix)) return describe_variable(label, was, is, operation);
  if (label.starts_with(secret_prefix)) {
    // Never its digest.
    const std::string name = quoted(bracketed_name(label));
    const std::string secret = "secret " + name.substr(1, name.size() - 2);
    if (was.contains(label) && is.contains(label)) return secret + " changed";
    return secret + (is.contains(label) ? " counts now" : " no longer counts");
  }
  if (label.starts_with("script[")) return "heredoc changed";
  if (label.starts_with(mount_prefix)) return describe_mount(label, was, is);
  if (label.starts_with("device[")) return "--device changed";
  if (label.starts_with("exclude")) return "--exclude changed";
  if (label.starts_with("source[")) return describe_source(label, was, is);
  if (label.starts_with("platform.")) {
    return "platform changed: " + platform_of(was) + " -> " + platform_of(is);
  }
  if (label == "destination") return with_values("destination", before, after);
  if (label == "chown" || label == "chmod")
    return with_values("--" + std::string(label), before, after);
  if (label == "network" || label == "security")
    return with_values("--" + std::string(label), before, after);
  if (label == "parents" || label == "link") return "--" + std::string(label) + " changed";
  if (label == "shm_size") return with_values("--shm-size", before, after);
  if (label.starts_with("ulimit[")) return with_values("--ulimit", before, after);
  if (label.starts_with("extra_host[")) return "--add-host changed";
  if (label == "working_directory") return with_values("working directory", before, after);
  if (label == "user") return with_values("user", before, after);
  if (value_of(is, "operation") == "directory" && label == "path")
    return with_values("path", before, after);
  return std::string(label) + " changed";
}

}  // namespace slipway
