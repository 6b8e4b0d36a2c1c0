// What of a cache mount is read, and remembered, together: a large file, or a few small ones.
//
// A unit's chunks are its own, so a change costs no more than the unit it is in. Small files share
// one chunk, because an index entry for each would outweigh them. Which ones share is decided by
// names and sizes alone: a new file divides no group but its own, and nothing has to be read for
// it.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/layers/beneath.hpp>
#include <cache/mounts/tree.hpp>
#include <ir/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace slipway {

struct Unit {
  std::vector<std::size_t> files;  // places in MountTree::entries
  std::uint64_t size = 0;          // of their data, one file's behind the other's
  bool small = false;              // one chunk; a large file is cut by its content
};

// All that has data, in the order of the entries.
std::vector<Unit> plan_units(const MountTree& tree);

// What is the same as long as nothing of the unit has changed: names, stamps, and where data lies.
Digest unit_key(const MountTree& tree, const Unit& unit);

// Reads the data of units. Not thread-safe.
class UnitReader {
 public:
  // Both are borrowed.
  UnitReader(int root, const MountTree& tree) : tree_(tree), files_(root) {}

  // All of `buffer`, from `offset` of the unit's data. Throws Error, also for a file that is no
  // longer what the tree says.
  void read(const Unit& unit, std::uint64_t offset, std::span<std::byte> buffer);

  // Whether what was read since the last call may be remembered under the stamps of the tree.
  bool take_settled();

 private:
  void open(std::size_t file);
  void read_file(std::size_t file, std::uint64_t offset, std::span<std::byte> buffer);

  const MountTree& tree_;
  ParentCache files_;
  FileDescriptor open_;
  std::size_t opened_ = 0;  // which file that is
  bool settled_ = true;
};

}  // namespace slipway
