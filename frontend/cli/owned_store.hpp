// The store, for commands that read or write the files of layers.
#pragma once

#include <cache/store.hpp>
#include <executor/user_namespace.hpp>

#include <unistd.h>

#include <filesystem>

namespace slipway {

// Without root the files have the user's subordinate ids as owners, so the whole program goes into
// the user's namespace first: no second thread may have been started. `may_mount` is false for who
// does not need that: root has no use for a namespace then. Throws Error.
struct OwnedStore {
  explicit OwnedStore(const std::filesystem::path& root, bool may_mount = true)
      : rights(may_mount || ::geteuid() != 0 ? enter_user_namespace() : UserNamespace()),
        store(root) {
    store.state().claim(id_maps(), overlay_marks());
  }

  UserNamespace rights;
  Store store;
};

}  // namespace slipway
