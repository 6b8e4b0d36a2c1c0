// Untrusted tar archives, unpacked beneath a directory of the store.
//
// Nothing is ever written outside that directory: an entry's directory is resolved against what was
// unpacked before (links included, as a process with that root would follow them), opened link-free
// beneath the root, and made by its last name alone. Whatever the archive says twice, the last
// entry counts.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/index.hpp>
#include <cache/layers/stack.hpp>
#include <cache/stream.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {

struct ExtractLimits {
  std::uint64_t entries = 4'000'000;             // those of the tree that is made count as well
  std::size_t path = 4096;                       // bytes of a path or of a link's target
  std::size_t xattrs = std::size_t{1} << 20;     // bytes of all of one entry
  std::uint64_t bytes = std::uint64_t{1} << 40;  // of all files together
  // Holes of sparse members take no space but the time to hash them. Beyond these bytes of files,
  // ten seconds' worth, an archive may not hold more than a thousand times what it is long.
  std::uint64_t expansion = std::uint64_t{16} << 30;
};

struct PathLess {
  using is_transparent = void;
  bool operator()(std::string_view left, std::string_view right) const {
    return path_less(left, right);
  }
};

// What lies in a tree on disk, with contents' digests. The first of several names of a file, in
// path order, is the file, and the others' `hard_link` names it.
using TreeEntries = std::map<std::string, Entry, PathLess>;

struct ArchiveOptions {
  std::string_view destination;  // a directory; relative to the root, free of links, "" the root
  std::optional<std::pair<std::uint32_t, std::uint32_t>> owner;  // instead of the archive's
  ExtractLimits limits;
};

// ADD: unpacks an archive (compressed or not, see decompress.hpp) into the tree at `upper`, which
// is to be seen above `below`; names that lead through links of `below` go where those lead in a
// process whose root is the destination, so never out of it. Hard links may name files of `below`.
// Directories that are missing are made as `below` has them, else 0755 0:0. `entries` says what
// lies in `upper` and is brought up to date; the caller has made the root itself and no more needs
// to exist. Names that begin with ".wh." are an Error. Throws Error for what is malformed or beyond
// the limits; the tree and `entries` are then of no use.
void extract_archive(ByteSource& archive, const std::filesystem::path& upper,
                     const StackView& below, const ArchiveOptions& options, TreeEntries& entries);

// Whether these are the bytes of a tar archive, compressed or not, as ADD asks. Reads their
// beginning; what cannot be read is no archive.
bool is_archive(ByteSource& bytes);

// The layer that a tree makes, reading each file's content beneath `tree`. Throws Error naming the
// path where the content is not the one that `entries` says (an all-zero digest says nothing).
BuiltLayer build_tree(const std::filesystem::path& tree, const TreeEntries& entries);

}  // namespace slipway
