// What a shared cache keeps of a layer, as files: its index and its tar, both zstd. The same layer
// always gives the same bytes.
#pragma once

#include <cache/shared/transport.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>

#include <filesystem>
#include <functional>
#include <string_view>

namespace slipway {

class Store;

// Which of the two, and what it is called among the store's layer_blobs.
enum class LayerPart { index, tar };
std::string_view compression_name(LayerPart part);

// A blob as a file of the store's work folder, removed with this.
class [[nodiscard]] PackedFile {
 public:
  // Takes what `write` gives to the sink. Throws what that throws, and Error.
  PackedFile(Store& store, const std::function<void(const ByteSink&)>& write);
  ~PackedFile();
  PackedFile(const PackedFile&) = delete;

  const SharedBlob& blob() const { return blob_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  SharedBlob blob_;
};

// Compresses that part of a layer of the store into `sink`. Throws Error where the layer is not
// there or is damaged, and once `cancelled` is true.
void pack_layer(Store& store, const DiffId& layer, LayerPart part, const ByteSink& sink,
                const std::function<bool()>& cancelled);

}  // namespace slipway
