// The canonical tar of a layer: the same entries always give the same bytes.
//
// Restricted pax by libarchive: ustar headers, pax records only for what does not fit. Numeric
// owners, whole seconds, xattrs as SCHILY.xattr, whiteouts as ".wh.NAME" and ".wh..wh..opq"
// (OCI image spec, layer.md#whiteouts). Paths are relative, without "./", except the root's own
// entry, "./".
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/stream.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace slipway {

// Not thread-safe.
class TarWriter {
 public:
  enum class Kind { layer, plain };
  // `sink` gets the tar in pieces of any size.
  explicit TarWriter(ByteSink sink, Kind kind = Kind::layer);
  ~TarWriter();
  TarWriter(TarWriter&&) noexcept;

  // Entries come in path order. A regular file that is no hard link is followed by write() with
  // exactly `entry.size` bytes. Throws Error for what a tar of a layer cannot hold: a name that
  // begins with ".wh.", which in a plain one is a name like any other.
  void add(const Entry& entry);
  void write(std::span<const std::byte> bytes);
  // The end of the archive. Nothing may follow.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
