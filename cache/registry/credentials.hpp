// Who we are at a registry, as `docker login` or `slipway login` left it: docker's config.json, and
// the credential helpers that it names.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace slipway {

struct Credentials {
  std::string user;
  std::string password;
  std::string identity_token;  // an OAuth2 refresh token, in place of a password
  // Why there may be none: the credential helper failed. It is told if the registry then refuses,
  // and not before, because most images need no login.
  std::string problem = {};

  bool empty() const { return user.empty() && identity_token.empty(); }
  // "Basic ..." (RFC 7617).
  std::string basic() const;
};

// From $DOCKER_CONFIG/config.json, else ~/.docker/config.json, or from the helper that it names for
// the registry (`credHelpers`, else `credsStore`); empty if there are none. Throws Error if the
// file cannot be read as JSON.
Credentials find_credentials(std::string_view domain);

// Where they were put, for the message of a login.
struct CredentialPlace {
  std::filesystem::path file;  // the config.json
  std::string helper;          // its name; empty: the credentials are in the file itself, readable
};

// Keeps them for find_credentials(), with the helper that config.json names for the registry, else
// in the file: written aside and renamed, for nobody else to read, with all that it had besides.
// Throws Error.
CredentialPlace store_credentials(std::string_view domain, const Credentials& credentials);
// Forgets them. False: there were none. Throws Error.
bool erase_credentials(std::string_view domain);

// What the text of such a file, called `name` in messages, has itself; no helper runs.
Credentials read_credentials(std::string_view json, std::string_view domain, std::string_view name);

}  // namespace slipway
