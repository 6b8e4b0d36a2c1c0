// What ties a layer to what lies below it.
#pragma once

#include <cache/layers/stack.hpp>
#include <cache/records.hpp>
#include <ir/image_config.hpp>
#include <ir/layer.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Store;

// One layer of an image, and what it would stand on.
struct MovedLayer {
  LayerRef layer;
  const HistoryEntry* history = nullptr;  // null: the image's history does not tell of it
  // Where relative destinations of the history start; empty: at a directory that is not known.
  std::string working_directory;
  const StackView* was_below = nullptr;
  const StackView* is_below = nullptr;
};

// Why the layer cannot be moved, in words that follow its instruction; empty: it can. `inherited`
// says whether a value may have been made of one of the old base's that the new one does not have.
// Throws Error where the store is damaged.
std::optional<std::string> tie_of(Store& store, const MovedLayer& layer,
                                  const std::function<bool(std::string_view)>& inherited);

}  // namespace slipway
