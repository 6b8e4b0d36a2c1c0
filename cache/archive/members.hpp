// The files of an image archive, by name: a directory's, or a tar's.
//
// Names come from strangers. In a tar they are only compared; in a directory they are opened
// beneath it, through no link.
#pragma once

#include <cache/stream.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

class StateDirectory;

// Thread-safe: members may be read side by side.
class ArchiveMembers {
 public:
  virtual ~ArchiveMembers() = default;
  virtual bool has(std::string_view name) const = 0;
  // A regular file. Throws Error if there is none of that name.
  virtual std::unique_ptr<ByteSource> open(std::string_view name) const = 0;

  // The whole of a small one. Throws Error for more than `limit` bytes.
  std::string read(std::string_view name, std::uint64_t limit) const;
};

// A directory, or a tar, compressed or not; "-": a tar on standard input. What cannot be read at
// any place at once (a pipe, a compressed tar) is first unpacked into one nameless file in the
// state's work folder. Throws Error.
std::unique_ptr<ArchiveMembers> open_members(const std::filesystem::path& path,
                                             StateDirectory& state);

}  // namespace slipway
