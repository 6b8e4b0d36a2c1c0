#include "security_flags.hpp"

#include <executor/containers/rights.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

namespace slipway {
namespace {

Error wrong(const std::string& option, const std::string& why) {
  return Error("--security-opt " + quoted(option) + " " + why);
}

void take_seccomp(const std::string& option, const std::string& profile, ContainerConfig& config) {
  if (profile == "unconfined") {
    config.no_filter = true;
  } else if (profile == "builtin" || profile == "default") {
    config.no_filter = false;
  } else {
    throw wrong(option, "names a profile, and slipway has docker's built in and no other")
        .hint("seccomp=builtin is that one, seccomp=unconfined none");
  }
}

}  // namespace

std::vector<std::string> parse_capabilities(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const std::string& text : names) {
    std::string name = text;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (name.starts_with("CAP_")) name.erase(0, 4);
    chosen_capabilities({name}, {});  // throws for what is none
    if (std::find(known.begin(), known.end(), name) == known.end())
      known.push_back(std::move(name));
  }
  return known;
}

void take_security_options(const std::vector<std::string>& options, ContainerConfig& config) {
  for (const std::string& option : options) {
    // "NAME:VALUE" is docker's old form.
    const std::size_t separator = option.find_first_of("=:");
    const std::string name = option.substr(0, separator);
    const std::optional<std::string> value =
        separator == option.npos ? std::nullopt : std::optional(option.substr(separator + 1));
    if (name == "no-new-privileges") {
      const auto on = value ? read_boolean(*value) : std::optional(true);
      if (!on) throw wrong(option, "is neither true nor false");
      config.no_new_privileges = *on;
    } else if (name == "seccomp" && value) {
      take_seccomp(option, *value, config);
    } else if (name == "systempaths" && value) {
      if (*value != "unconfined")
        throw wrong(option, "is not known").hint("systempaths=unconfined");
      config.no_masks = true;
    } else if (name == "apparmor" && value) {
      if (*value != "unconfined")
        throw wrong(option, "names a profile, and slipway's containers are in none")
            .hint("what holds them is namespaces, capabilities and a filter of system calls");
    } else if (name == "label" && value) {
      if (*value != "disable")
        throw wrong(option, "names a label, and slipway gives its containers none")
            .hint("label=disable is what they have");
    } else {
      throw wrong(option, "is not known")
          .hint(did_you_mean(name,
                             {"no-new-privileges", "seccomp", "systempaths", "apparmor", "label"},
                             "no-new-privileges, seccomp=unconfined, systempaths=unconfined"));
    }
  }
}

}  // namespace slipway
