// What the last export of a mount read: the chunks of each unit that could be told to be unchanged,
// so that the next export reads what has changed and nothing else.
//
// A file beside nothing that matters: whatever is wrong with it, it counts as empty.
#pragma once

#include <ir/digest.hpp>

#include <cstdint>
#include <filesystem>
#include <unordered_map>
#include <vector>

namespace slipway {

struct UnitChunk {
  Digest digest;  // of the plain bytes
  std::uint32_t size = 0;
  bool operator==(const UnitChunk&) const = default;
};

using UnitMemory = std::unordered_map<Digest, std::vector<UnitChunk>>;  // by unit_key()

UnitMemory read_unit_memory(const std::filesystem::path& file) noexcept;
// Replaces the file whole: written to `aside`, on the same file system, and renamed. Throws Error.
void write_unit_memory(const UnitMemory& memory, const std::filesystem::path& aside,
                       const std::filesystem::path& file);

}  // namespace slipway
