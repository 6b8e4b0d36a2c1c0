// A store's own random key, for digests from which nobody else can find out what was digested: a
// short password is quickly found from its sha256, but not from this.
//
// In the file secret.key of the state directory: 32 bytes, for its owner only, made by the first who
// asks and never changed or copied anywhere.
#pragma once

#include <cache/state_directory.hpp>
#include <ir/digest.hpp>

#include <string>
#include <string_view>

namespace slipway {

class SecretKey {
 public:
  // The store's; made if there is none, by one of all processes. Throws Error, also where others may
  // read it.
  explicit SecretKey(StateDirectory& state);

  // HMAC-SHA256 of the bytes; `name` says whose they are, so that the same bytes of another name
  // have another digest.
  Digest digest(std::string_view name, std::string_view bytes) const;

 private:
  std::string bytes_;
};

}  // namespace slipway
