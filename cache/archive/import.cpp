#include <cache/archive/import.hpp>

#include <cache/store.hpp>

#include <optional>

namespace slipway {

Image import_rootfs(Store& store, ByteSource& tar, ImageConfig config, const std::string& message,
                    const std::string& created) {
  const LayerRef layer = store.layers().extract(tar, std::nullopt, true);
  config.created = created;
  config.diff_ids = {layer.diff_id};
  config.history = {HistoryEntry{.created = created,
                                 .created_by = {},
                                 .author = {},
                                 .comment = message,
                                 .empty_layer = false}};
  store.sync();
  return store.images().find(store.images().put(write_image_config(config))).value();
}

}  // namespace slipway
