// A user namespace for users without root: in it they have a root's rights over what is theirs.
//
// Entered once, by the whole program, before it has a second thread; every line of code behind that
// is the same as for root (user_namespaces(7)). With it comes a mount namespace, whose mounts
// nobody outside sees.
#pragma once

#include <cache/user_namespace.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Ids that exist in the namespace, and whose they are outside.
struct IdRange {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

// Whose files a layer can hold.
enum class Ids {
  all,     // root's: the machine's own ids, or those of the container
  ranges,  // the user's subordinate ids
  own      // nobody's but the user's: the others are recorded and not real
};

struct UserNamespace {
  Ids ids = Ids::all;
  std::string missing;  // with `own`: why there are no ranges, for people
  // There is none, and no mounts either: a container's root, who needs none for the files alone.
  bool refused = false;
};

// Does nothing where this process may make mounts already, or is root and may have no namespace.
// Throws Error with a hint where this machine does not let a user have one, and where there is a
// second thread.
UserNamespace enter_user_namespace();

// What the ids of files mean here: the maps of the namespace in one line, empty where they are the
// machine's own.
std::string id_maps();

// The ranges that a subuid or subgid file gives a user, by name or number, in its order; what is no
// line of such a file is passed over (subuid(5)).
std::vector<IdRange> subordinate_ids(std::string_view file, std::string_view name,
                                     std::uint32_t uid);

}  // namespace slipway
