#include <executor/export/shape.hpp>

#include <cache/layers/tar_writer.hpp>
#include <cache/registry/pipe.hpp>
#include <cache/store.hpp>
#include <executor/export/merged.hpp>
#include <ir/image_config.hpp>

#include <algorithm>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// Puts a layer into the store whose tar `write` gives.
LayerRef store_layer(Store& store, const std::function<void(TarWriter&)>& write) {
  BytePipe pipe(std::size_t{1} << 20);
  std::thread writer([&] {
    std::exception_ptr failure;
    try {
      TarWriter tar([&](std::span<const std::byte> bytes) { pipe.write(bytes); });
      write(tar);
      tar.finish();
    } catch (...) {
      failure = std::current_exception();
    }
    pipe.close(failure);
  });
  try {
    const LayerRef layer = store.layers().extract(pipe, std::nullopt, /*canonical=*/true);
    pipe.give_up();
    writer.join();
    return layer;
  } catch (...) {
    pipe.give_up();
    writer.join();
    throw;
  }
}

// An entry with its bytes; `view` has its file.
void add_entry(TarWriter& tar, const StackView& view, const Entry& entry) {
  tar.add(entry);
  if (entry.type != Entry::Type::file || !entry.hard_link.empty() || entry.size == 0) return;
  read_merged(view, entry, [&](std::span<const std::byte> bytes) { tar.write(bytes); });
}

LayerRef without_later_times(Store& store, const LayerRef& layer, std::int64_t epoch) {
  const std::shared_ptr<const LayerIndex> index = store.layers().index(layer.diff_id);
  bool later = false;
  for (std::size_t i = 0; i < index->size() && !later; ++i) later = index->entry(i).mtime > epoch;
  if (!later) return layer;
  const StackView view = store.layers().view({layer});
  return store_layer(store, [&](TarWriter& tar) {
    for (std::size_t i = 0; i < index->size(); ++i) {
      Entry entry = index->entry(i);
      entry.mtime = std::min(entry.mtime, epoch);
      add_entry(tar, view, entry);
    }
  });
}

// The files of the stack `upper` as one layer above `lower`.
class Merge {
 public:
  Merge(Store& store, const LayerStack& lower, const LayerStack& upper)
      : lower_(store.layers().view(lower)),
        upper_(store.layers().view(upper)),
        all_(store.layers().view(both(lower, upper))) {}

  void write(TarWriter& tar) const {
    // The root's own entry is there where it says something; the topmost counts.
    for (auto layer = upper_.layers().rbegin(); layer != upper_.layers().rend(); ++layer) {
      const std::optional<std::size_t> root = layer->index->find("");
      if (!root) continue;
      Entry entry = layer->index->entry(*root);
      entry.opaque = false;
      tar.add(entry);
      break;
    }
    MergedLinks links(all_);
    // Paths still to visit, the next one last: deep trees must not use up the stack.
    std::vector<std::string> open;
    push("", open);
    while (!open.empty()) {
      const std::string path = std::move(open.back());
      open.pop_back();
      std::optional<Entry> entry = all_.find(path);
      if (!entry || entry->type == Entry::Type::whiteout) {
        Entry gone;
        gone.path = path;
        gone.type = Entry::Type::whiteout;
        tar.add(gone);
        continue;
      }
      if (is_upper(path)) {
        entry->opaque = false;  // what it hid is whiteouts of its own
        links.follow(*entry);
        add_entry(tar, all_, *entry);
      }
      if (entry->type == Entry::Type::directory) push(path, open);
    }
  }

 private:
  static LayerStack both(LayerStack lower, const LayerStack& upper) {
    lower.insert(lower.end(), upper.begin(), upper.end());
    return lower;
  }

  // Whether what is seen at the path is one of the upper layers' entries. A view gives every
  // directory, also one that only the paths below it imply, so the layers are asked themselves.
  bool is_upper(const std::string& path) const {
    const std::optional<Entry> entry = upper_.find(path);
    if (!entry || entry->type == Entry::Type::whiteout) return false;
    return std::any_of(upper_.layers().begin(), upper_.layers().end(),
                       [&](const StackView::Layer& layer) { return layer.index->find(path); });
  }

  // What the directory holds, and what it held below and does not any more.
  void push(const std::string& directory, std::vector<std::string>& open) const {
    std::vector<std::string> names = all_.list(directory);
    const std::optional<Entry> below = lower_.find(directory);
    if (below && below->type == Entry::Type::directory) {
      const std::vector<std::string> lower = lower_.list(directory);
      std::vector<std::string> every;
      std::set_union(names.begin(), names.end(), lower.begin(), lower.end(),
                     std::back_inserter(every));
      names = std::move(every);
    }
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      open.push_back(directory.empty() ? *name : directory + "/" + *name);
    }
  }

  StackView lower_;
  StackView upper_;
  StackView all_;
};

// In the history the layers above the lowest `kept` have none of their own any more.
void tell_of_merge(ImageConfig& config, std::size_t kept, const Digest& before) {
  std::size_t layers = 0;
  std::string created = config.created;
  for (HistoryEntry& entry : config.history) {
    if (entry.empty_layer) continue;
    if (layers++ >= kept) entry.empty_layer = true;
  }
  if (!config.history.empty()) created = config.history.back().created;
  config.history.push_back(
      {.created = created,
       .created_by = {},
       .author = {},
       .comment = kept == 0 ? "create new from " + before.text() : "merge " + before.text(),
       .empty_layer = false});
}

void squash(ExportedImage& image, std::size_t kept, Store& store) {
  if (image.layers.size() <= kept + 1) return;  // one, or none
  const auto middle = image.layers.begin() + static_cast<std::ptrdiff_t>(kept);
  const LayerStack lower(image.layers.begin(), middle);
  const LayerStack upper(middle, image.layers.end());
  const Merge merge(store, lower, upper);
  const LayerRef merged = store_layer(store, [&](TarWriter& tar) { merge.write(tar); });

  ImageConfig config = read_image_config(image.config);
  // An image from elsewhere may list fewer layers in its history than it has: those are the lowest.
  std::size_t told = 0;
  for (const HistoryEntry& entry : config.history) told += entry.empty_layer ? 0 : 1;
  const std::size_t untold = image.layers.size() - std::min(told, image.layers.size());
  tell_of_merge(config, kept - std::min(kept, untold), sha256(image.config));
  image.layers = lower;
  image.layers.push_back(merged);
  config.diff_ids.clear();
  for (const LayerRef& layer : image.layers) config.diff_ids.push_back(layer.diff_id);
  image.config = write_image_config(config);
}

void rewrite_times(ExportedImage& image, std::int64_t epoch, Store& store) {
  ImageConfig config = read_image_config(image.config);
  for (std::size_t i = image.base_layers; i < image.layers.size(); ++i) {
    image.layers[i] = without_later_times(store, image.layers[i], epoch);
    config.diff_ids.at(i) = image.layers[i].diff_id;
  }
  image.config = write_image_config(config);
}

}  // namespace

Exported shaped(const ExportSpec& spec, Exported exported, Store& store) {
  for (ExportedImage& image : exported.images) {
    if (spec.rewrite_timestamp && exported.epoch) rewrite_times(image, *exported.epoch, store);
    if (spec.squash == ExportSpec::Squash::base) squash(image, image.base_layers, store);
    if (spec.squash == ExportSpec::Squash::all) squash(image, 0, store);
  }
  return exported;
}

}  // namespace slipway
