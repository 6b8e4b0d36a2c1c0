// The tree digest: "the same files", whatever their times (DESIGN §2).
#pragma once

#include <cache/layers/entry.hpp>
#include <ir/digest.hpp>

#include <string>

namespace slipway {

// Fed with entries in path order; the caller sees to the order. Fields that an entry's type has no
// use for do not count. Not thread-safe.
class TreeHasher {
 public:
  TreeHasher();

  void add(const Entry& entry);
  // Of what was added so far; starts anew.
  TreeDigest finish();

 private:
  Hasher hasher_;
  std::string pending_;  // serialised, not yet hashed: many small updates cost more than one
};

}  // namespace slipway
