// Who we are at a registry, as `docker login` left it.
#pragma once

#include <string>
#include <string_view>

namespace slipway {

struct Credentials {
  std::string user;
  std::string password;
  std::string identity_token;  // an OAuth2 refresh token, in place of a password

  bool empty() const { return user.empty() && identity_token.empty(); }
  // "Basic ..." (RFC 7617).
  std::string basic() const;
};

// From $DOCKER_CONFIG/config.json, else ~/.docker/config.json; empty if that has none for the
// registry. Throws Error if the file cannot be read as JSON.
Credentials find_credentials(std::string_view domain);

// The same from the text of such a file, called `name` in messages.
Credentials read_credentials(std::string_view json, std::string_view domain,
                             std::string_view name);

}  // namespace slipway
