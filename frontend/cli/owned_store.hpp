// The store, for commands that read or write the files of layers.
#pragma once

#include <cache/containers/state.hpp>
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
      : rights(enter(root, may_mount)), store(root) {
    store.state().claim(id_maps(), overlay_marks());
  }

  UserNamespace rights;
  Store store;

 private:
  static UserNamespace enter(const std::filesystem::path& root, bool may_mount) {
    if (::geteuid() == 0) return may_mount ? enter_user_namespace() : UserNamespace();
    kill_left_behind(root);
    return enter_user_namespace();
  }
};

}  // namespace slipway
