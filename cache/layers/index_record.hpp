// One record of an index, and the reading of it: shared by the index's reader and its writer.
#pragma once

#include <cache/layers/entry.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway {

// As it lies in the file. No padding: every field is aligned by those before it. Little-endian,
// which is that of every machine slipway runs on (index.cpp asserts it).
struct IndexRecord {
  std::uint32_t path_at;  // in the heap
  std::uint16_t path_size;
  std::uint8_t type;
  std::uint8_t flags;
  std::uint32_t mode;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t extra_at;  // in the heap; used where `flags` names an extra
  std::uint64_t size;
  std::int64_t mtime;
  std::uint32_t device_major;
  std::uint32_t device_minor;
  std::uint8_t content[32];

  // The extras stand at `extra_at` in this order, each text behind its 32-bit length.
  static constexpr std::uint8_t opaque = 1;
  static constexpr std::uint8_t has_link_target = 2;
  static constexpr std::uint8_t has_hard_link = 4;
  static constexpr std::uint8_t has_xattrs = 8;  // their count (32 bits), then names and values
};
static_assert(sizeof(IndexRecord) == 80);

// The records and heap of an index, of which nothing is trusted.
struct IndexBody {
  const char* records = nullptr;  // not aligned
  std::size_t count = 0;
  std::string_view heap;

  // Throw Error for what points outside or is no entry.
  std::string_view path(std::size_t position) const;
  Entry entry(std::size_t position) const;
  Entry::Type type(std::size_t position) const;
  bool opaque(std::size_t position) const;
  std::int64_t mtime(std::size_t position) const;

  // The first position whose path is not before `path`.
  std::size_t lower_bound(std::string_view path) const;
  std::optional<std::size_t> find(std::string_view path) const;
};

}  // namespace slipway
