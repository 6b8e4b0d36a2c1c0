// The rights that a test program with sandboxes has: root's, or those of a user's namespace.
#pragma once

#include <executor/user_namespace.hpp>
#include <ir/error.hpp>

#include <string>

namespace slipway {

struct Rights {
  UserNamespace space;
  std::string missing;  // why there are none; empty when there are
};

// Entered before main(), because afterwards there might be a second thread.
inline const Rights rights = [] {
  Rights result;
  try {
    result.space = enter_user_namespace();
  } catch (const Error& error) {
    result.missing = error.what();
  }
  return result;
}();

}  // namespace slipway
