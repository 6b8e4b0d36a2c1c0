// What is kept of a cache mount where it is shared: a record, a document, and packs.
//
//   record     under mount_record_key(id): JSON that names the document. Replaced by each export.
//   document   one zstd frame: which packs there are and what lies in them, which chunks make up
//   the
//              content, and the tree. Some 0.1 % of the mount, made anew by each export.
//   pack       chunks, each a zstd frame, one behind the other, 8 MiB of them. An export adds packs
//              and leaves those that are there, so that it sends little more than what has changed,
//              in few requests.
//
// Nobody vouches for any of the three: what decode gives holds together (paths are clean and below
// directories that come before them, chunks exist, sizes add up), and that is all that is known.
#pragma once

#include <cache/mounts/tree.hpp>
#include <cache/shared/transport.hpp>
#include <ir/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct PackedChunk {
  Digest digest;             // of the plain bytes
  std::uint32_t size = 0;    // of the plain bytes
  std::uint32_t stored = 0;  // of its frame
  bool operator==(const PackedChunk&) const = default;
};

struct Pack {
  SharedBlob blob;
  std::vector<PackedChunk> chunks;  // in the order of their frames
  bool operator==(const Pack&) const = default;
};

// Chunks that follow each other in a pack.
struct ChunkRun {
  std::uint32_t pack = 0;  // places in MountDocument::packs and Pack::chunks
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool operator==(const ChunkRun&) const = default;
};

struct MountDocument {
  std::vector<Pack> packs;
  // The content: what these chunks hold, one behind the other. Entries say where in it theirs is.
  std::vector<ChunkRun> content;
  std::vector<MountEntry> entries;
};

struct MountRecord {
  Digest key;      // that it was written for: one that is found under another is none
  std::string id;  // for people who look at it
  SharedBlob document;
  std::uint64_t size = 0;  // of the content, bytes
};

// How much a document may ask for; more is an Error. Whether it fits on the disk is another
// question.
struct MountLimits {
  std::uint64_t document = std::uint64_t{128} << 20;  // its frame, bytes
  std::uint64_t expanded = std::uint64_t{256} << 20;  // the same, expanded; and all paths together
  std::uint64_t entries = 2'000'000;
  std::uint64_t content = std::uint64_t{1} << 40;  // bytes, of all entries together
  std::uint64_t pack = std::uint64_t{64} << 20;    // bytes
};

// The same for every platform, as the mount itself is.
Digest mount_record_key(const std::string& id);

std::string encode_mount_record(const MountRecord& record);
// Throws Error if it is none, or of a newer format.
MountRecord decode_mount_record(std::string_view bytes, const MountLimits& limits = {});

// Throws Error if it is more than the limits allow.
std::string encode_mount_document(const MountDocument& document, const MountLimits& limits = {});
// Throws Error if it does not hold together.
MountDocument decode_mount_document(std::string_view bytes, const MountLimits& limits = {});

}  // namespace slipway
