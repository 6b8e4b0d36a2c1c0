// Owners of layers' files where the kernel cannot give them: a user who has no subordinate ids.
//
// There every file on the disk is the user's own, which the user's namespace calls 0:0, and the
// attribute "user.slipway.owner" says whose it is: "UID:GID" in decimal. A RUN step's chown writes
// the same one (executor/sandbox/init/fake_ids.hpp), and overlayfs copies it up with the file. Only
// files and directories can have it; of links and pipes the index alone knows. In no other place
// does the attribute mean anything, and in no layer is it kept.
#pragma once

#include <ir/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {

using OwnerIds = std::pair<std::uint32_t, std::uint32_t>;  // user, group

constexpr std::string_view owner_attribute = "user.slipway.owner";

// Whether this process is in such a namespace; asked once.
bool ids_are_recorded();

// chown(2) of an open file or directory, or of what `name` is in a directory, links not followed (an
// absolute name is itself):
// done, or recorded where ids are. Not 0: errno says why.
int give_owner(int file, std::uint32_t uid, std::uint32_t gid);
int give_owner(int directory, const char* name, std::uint32_t uid, std::uint32_t gid);

// What gives a user more ids.
constexpr const char* more_ids_hint =
    "have root add ranges to /etc/subuid and /etc/subgid (usermod --add-subuids, --add-subgids)";

// The error of a give_owner() that failed: ids that the user's namespace lacks are told as such.
Error owner_error(std::string_view path, std::uint32_t uid, std::uint32_t gid, int error_number);

// What an attribute's value says; nothing where it is no such value.
std::optional<OwnerIds> recorded_owner(std::string_view value);

}  // namespace slipway
