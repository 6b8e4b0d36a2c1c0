// Programs that keep logins for others: docker-credential-NAME (docker-credential-helpers).
#pragma once

#include <cache/registry/credentials.hpp>
#include <ir/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// Each runs the program, which is found on the PATH, not in the current directory, for a minute at
// most: it may ask its user something. No shell is involved. Throws Error if it cannot be run, or
// fails.
class CredentialHelper {
 public:
  // Throws Error for a name that could not be one.
  explicit CredentialHelper(std::string name);

  // Nothing: it has none for the server.
  std::optional<Credentials> get(const std::string& server) const;
  void store(const std::string& server, const Credentials& credentials) const;
  void erase(const std::string& server) const;

 private:
  // What it says in the end, and whether it succeeded.
  struct Answer {
    std::string output;
    bool succeeded = false;
  };
  Answer run(const char* action, const std::string& input) const;
  Error failure(const Answer& answer) const;

  std::string program_;
};

}  // namespace slipway
