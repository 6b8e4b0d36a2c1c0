// --allow: what the steps of this build may ask for beyond the sandbox.
#include "build_inputs.hpp"

#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// "KIND=NAME" and "KIND=NAME,alias=ASKED": the device that a RUN --device=ASKED gets.
void grant_device(Entitlements& granted, const std::string& text) {
  const auto fields = parse_fields(text, "--allow device");
  const auto& [kind, name] = fields.front();
  const std::string device = name.empty() ? kind : kind + "=" + name;
  if (device.empty()) throw Error("--allow device= names no device").hint("--allow device=NAME");
  std::string asked = device;
  for (std::size_t i = 1; i < fields.size(); ++i) {
    const auto& [key, value] = fields[i];
    if (key != "alias" || value.empty()) {
      throw Error("--allow device does not know " + quoted(value.empty() ? key : key + "=" + value))
          .hint("--allow device=NAME,alias=NAME; give --allow once for each device");
    }
    asked = value;
  }
  granted.devices[asked] = device;
}

void grant(Entitlements& granted, const std::string& text) {
  const auto equals = text.find('=');
  const std::string name = text.substr(0, equals);
  if (name == "device" && equals != std::string::npos) {
    grant_device(granted, text.substr(equals + 1));
  } else if (text == "device") {
    granted.every_device = true;
  } else if (text == "network.host") {
    granted.network_host = true;
  } else if (text == "security.insecure") {
    granted.security_insecure = true;
  } else {
    throw Error("--allow does not know " + quoted(text))
        .hint(text.find(',') != std::string::npos
                  ? "give --allow once for each entitlement"
                  : did_you_mean(name, {"network.host", "security.insecure", "device"},
                                 "network.host, security.insecure or device[=NAME]"));
  }
}

}  // namespace

Entitlements granted_entitlements(const BuildRequest& request) {
  Entitlements granted;
  // As buildx: who gives the flag has allowed it.
  granted.network_host = request.network == "host";
  for (const std::string& text : request.allow) {
    if (!text.empty()) grant(granted, text);
  }
  return granted;
}

}  // namespace slipway
