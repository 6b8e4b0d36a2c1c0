// What must not be told of a build: values of secrets, and credentials in addresses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Whether a variable or parameter of this name holds a secret, and whether a value has an address
// with credentials in it.
bool is_secret_name(std::string_view name);
bool has_credentials(std::string_view value);

// Takes what is hidden out of all texts that go through it, wherever it stands in them.
class Hidden {
 public:
  // A named value, such as a build argument's. One whose name or value says that it is a secret is
  // "(hidden)" from now on, also where it was put into something else.
  std::string named(std::string_view name, std::string_view value);
  // The same of NAME=VALUE.
  std::string variable(std::string_view text);
  // The URL without its user's name and password, and without values of its query that are secrets
  // by their names. What is taken out is hidden from now on.
  std::string url(std::string_view url);

  // The text with "(hidden)" in the place of all that is hidden.
  std::string clean(std::string_view text) const;

 private:
  void hide(std::string_view value);

  std::vector<std::string> values_;  // longest first
};

}  // namespace slipway
