// Which blob a layer is under a compression, whether anybody keeps it or not: who only wants to
// know whether somebody has it need not compress it again.
#pragma once

#include <ir/digest.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway {

class Database;

// Safe for any number of threads and processes.
class LayerBlobs {
 public:
  explicit LayerBlobs(Database& database) : database_(database) {}

  struct Blob {
    Digest digest;
    std::uint64_t size = 0;  // bytes
  };
  std::optional<Blob> find(const DiffId& layer, std::string_view compression);
  // Whether the blob is the layer's under any compression.
  bool has(const DiffId& layer, const Digest& blob);
  // Takes the place of what another version of the compressor made.
  void put(const DiffId& layer, std::string_view compression, const Blob& blob);

 private:
  Database& database_;
};

}  // namespace slipway
