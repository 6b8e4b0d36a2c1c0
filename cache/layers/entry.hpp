// One entry of a layer: a path and all that a layer keeps of it.
#pragma once

#include <ir/digest.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

struct Entry {
  enum class Type : std::uint8_t {
    file,
    directory,
    symlink,
    char_device,
    block_device,
    fifo,
    whiteout,  // what the layers below have at this path is gone
  };

  std::string path;  // relative to the root, no leading or trailing '/', no "." or "..";
                     // empty: the root itself, always a directory
  Type type = Type::file;
  bool opaque = false;       // a directory that hides what the layers below have in it
  std::uint32_t mode = 0;    // permission, setuid, setgid and sticky bits: 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;    // of a regular file, bytes
  std::int64_t mtime = 0;    // whole seconds; in the tar and the diffID, never in a tree digest
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string link_target;   // of a symlink
  std::string hard_link;     // an earlier path of this layer that is the same file; empty: none
  std::vector<std::pair<std::string, std::string>> xattrs;  // sorted by name; overlay's own left out
  Digest content;            // of a regular file, also of one that is a hard link

  bool operator==(const Entry&) const = default;
};

// The order of entries everywhere: that of a walk that visits names in byte order and a directory
// before what it holds. ('/' sorts before every other byte.)
bool path_less(std::string_view left, std::string_view right);
// Whether `path` is `directory` or lies below it; everything lies below "".
bool path_within(std::string_view path, std::string_view directory);
// The directory that holds `path`; "" for a name in the root.
std::string_view parent_path(std::string_view path);
// The last component.
std::string_view base_name(std::string_view path);

}  // namespace slipway
