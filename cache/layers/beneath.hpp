// Files beneath a directory that somebody else filled: no link is ever followed.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/layers/entry.hpp>
#include <cache/stream.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// A directory of slipway's own: links on the way to it are followed. Throws Error.
FileDescriptor open_root(const std::filesystem::path& directory);

// openat2 beneath `root` with no link anywhere in `path` ("" is the root itself). Throws Error.
FileDescriptor open_beneath(int root, std::string_view path, int flags);

// The regular file `name` in a directory that somebody may be changing, for reading. Whatever else
// is there, a device above all, is not opened. Throws Error naming `path`.
FileDescriptor open_regular(int directory, std::string_view name, std::string_view path);

// The directory of the last path asked for stays open, because paths come in order. Not
// thread-safe.
class ParentCache {
 public:
  explicit ParentCache(int root) : root_(root) {}  // borrowed
  // An O_PATH descriptor of the directory, valid until the next call. Throws Error.
  int directory(std::string_view path);
  // Opens the file `path`. Throws Error.
  FileDescriptor open(std::string_view path, int flags);
  // Forgets what it holds: something at or above it was replaced.
  void forget() { descriptor_ = {}; }

 private:
  int root_;
  std::string path_;
  FileDescriptor descriptor_;
};

// A regular file as a source, from its current offset.
class DescriptorSource : public ByteSource {
 public:
  // `path`: for messages; empty: they do without.
  explicit DescriptorSource(FileDescriptor descriptor, std::string path = {})
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  FileDescriptor descriptor_;
  std::string path_;
};

// The names in an open directory, in byte order.
std::vector<std::string> sorted_names(int directory);

// The xattrs that a layer keeps: user.*, security.capability and ACLs. Overlayfs's own would let
// an image redirect look-ups, and labels of a security module belong to one machine.
bool is_layer_xattr(std::string_view name);

// One name in a directory, not followed.
struct DiskEntry {
  Entry entry;  // without `content`; `hard_link` empty
  struct stat status {};
  bool socket = false;     // `entry` then has no meaning
  bool copied_up = false;  // overlayfs made it of a file of the layers below
  bool has_owner = true;   // false: ids are recorded (recorded_ids.hpp), and this has no record
};
// `entry.path` is `path`; char 0:0 is a whiteout, and an opaque mark of overlayfs makes a directory
// `opaque`. Throws Error.
DiskEntry read_entry(int directory, const std::string& name, const std::string& path);
// The open directory itself.
DiskEntry read_directory_entry(int directory, const std::string& path);

}  // namespace slipway
