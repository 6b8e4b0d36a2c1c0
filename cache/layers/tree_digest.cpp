#include <cache/layers/tree_digest.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

// The first bytes of every tree; another number when the serialisation changes, so that digests of
// two versions never meet.
constexpr std::string_view version = "slipway tree 1\n";

constexpr std::size_t flush_at = std::size_t{1} << 16;

void put_number(std::string& out, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

void put_metadata(std::string& out, const Entry& entry) {
  put_number(out, entry.mode);
  put_number(out, entry.uid);
  put_number(out, entry.gid);
  put_number(out, entry.xattrs.size());
  for (const auto& [name, value] : entry.xattrs) {
    put_text(out, name);
    put_text(out, value);
  }
}

// What an entry is, behind its path. A text stands behind its length, a number is 64 bits
// little-endian, and the type decides what follows, so the bytes can be read back in one way only
// and no two trees serialise alike:
//
//   whiteout   nothing
//   others     mode uid gid, count of xattrs, name and value of each, then
//     directory     opaque (one byte)
//     others        hard link (empty: none), then
//       file          sha256 of the content (32 bytes), which says the size too
//       symlink       its target
//       devices       major minor
//       fifo          nothing
//
// Times are left out: they would make equal files differ.
void put_entry(std::string& out, const Entry& entry) {
  using Type = Entry::Type;
  put_text(out, entry.path);
  out.push_back(static_cast<char>(entry.type));
  if (entry.type == Type::whiteout) return;
  put_metadata(out, entry);
  if (entry.type == Type::directory) {
    out.push_back(entry.opaque ? 1 : 0);
    return;
  }
  put_text(out, entry.hard_link);
  switch (entry.type) {
    case Type::file:
      out.append(reinterpret_cast<const char*>(entry.content.bytes.data()),
                 entry.content.bytes.size());
      break;
    case Type::symlink:
      put_text(out, entry.link_target);
      break;
    case Type::char_device:
    case Type::block_device:
      put_number(out, entry.device_major);
      put_number(out, entry.device_minor);
      break;
    case Type::fifo:
    case Type::directory:
    case Type::whiteout:
      break;
  }
}

}  // namespace

TreeHasher::TreeHasher() : pending_(version) {}

void TreeHasher::add(const Entry& entry) {
  put_entry(pending_, entry);
  if (pending_.size() < flush_at) return;
  hasher_.update(pending_);
  pending_.clear();
}

TreeDigest TreeHasher::finish() {
  hasher_.update(pending_);
  pending_ = version;
  return TreeDigest{hasher_.finish()};
}

}  // namespace slipway
