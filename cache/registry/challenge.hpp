// What a registry asks for before it answers: the WWW-Authenticate header (RFC 9110, 11.6.1).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct Challenge {
  std::string scheme;                         // lower case: "bearer", "basic"
  std::map<std::string, std::string> values;  // names in lower case: realm, service, scope, error
};

// Several challenges may stand in one header. Total: what cannot be read is left out.
std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace slipway
