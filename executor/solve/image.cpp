#include <executor/solve/image.hpp>

#include <ir/error.hpp>

#include <ctime>

namespace slipway {

std::string rfc3339(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::string(text, length);
}

ImageConfig finish_config(ImageConfig config, const SolvedRoot& result) {
  config.diff_ids.clear();
  for (const LayerRef& layer : result.layers) config.diff_ids.push_back(layer.diff_id);

  // An image from elsewhere may list fewer layers in its history than it has: as long as ours are
  // the topmost entries, counting from the end finds their layers.
  std::size_t entries = 0;
  for (const HistoryEntry& entry : config.history) entries += entry.empty_layer ? 0 : 1;
  if (entries > result.layers.size()) {
    throw Error("the base image's history lists more layers than it has")
        .hint("the image's config is damaged; pull it again");
  }
  std::size_t layer = result.layers.size() - entries;
  for (HistoryEntry& entry : config.history) {
    if (entry.empty_layer) continue;
    const std::int64_t created = result.created[layer++];
    if (entry.created.empty() && created != 0) entry.created = rfc3339(created);
  }

  // Entries without a time: the first new layer's, else the one before; then whatever precedes.
  std::string time;
  bool unknown_seen = false;
  for (const HistoryEntry& entry : config.history) {
    if (entry.created.empty()) {
      unknown_seen = true;
    } else {
      time = entry.created;
      if (unknown_seen) break;
    }
  }
  unknown_seen = false;
  for (HistoryEntry& entry : config.history) {
    if (!entry.created.empty()) {
      if (unknown_seen) time = entry.created;
    } else {
      unknown_seen = true;
      entry.created = time;
    }
  }
  for (const HistoryEntry& entry : config.history) {
    if (!entry.created.empty()) config.created = entry.created;
  }
  return config;
}

}  // namespace slipway
