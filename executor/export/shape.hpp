// What an output changes in the layers themselves: their times (rewrite-timestamp), and how many
// there are (squash). The steps' own layers stay as they are, and with them the cache.
#pragma once

#include <executor/export/export.hpp>

namespace slipway {

class Store;

// The images as the spec wants them; new layers are put into the store.
//
// rewrite-timestamp: of the layers above the base image's, times after exported.epoch become that,
// as BuildKit's exporter has it. Nothing without an epoch.
//
// squash: the layers above the base image's, or all, become one with the same files. What they were
// stays in the history as entries without a layer, and one entry more tells of the merge, as after
// `docker build --squash`.
//
// Throws Error.
Exported shaped(const ExportSpec& spec, Exported exported, Store& store);

}  // namespace slipway
