#include <executor/compare/images.hpp>

#include <cache/store.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

using Side = LayerDifferences::Side;

// Which layers of one image have what.
class Layers {
 public:
  Layers(Store& store, const LayerStack& stack) : stack_(stack) {
    for (const LayerRef& layer : stack) indexes_.push_back(store.layers().index(layer.diff_id));
  }

  // The topmost one that has the path, with whatever is there.
  std::optional<std::size_t> with(std::string_view path) const {
    for (std::size_t i = indexes_.size(); i-- > 0;)
      if (indexes_[i]->find(path)) return i;
    return std::nullopt;
  }

  // The topmost one that hides what lies below it at the path: by a whiteout there or above, or by
  // a directory above that is opaque or none.
  std::optional<std::size_t> hiding(std::string_view path) const {
    for (std::size_t i = indexes_.size(); i-- > 0;)
      if (hides(*indexes_[i], path)) return i;
    return std::nullopt;
  }

  const DiffId& id(std::size_t layer) const { return stack_[layer].diff_id; }
  std::size_t size() const { return stack_.size(); }

 private:
  static bool hides(const LayerIndex& index, std::string_view path) {
    const auto own = index.find(path);
    if (own && index.type(*own) == Entry::Type::whiteout) return true;
    while (!path.empty()) {
      path = parent_path(path);
      if (path.empty()) return false;
      const auto above = index.find(path);
      if (above && (index.type(*above) != Entry::Type::directory || index.opaque(*above)))
        return true;
    }
    return false;
  }

  const LayerStack& stack_;
  std::vector<std::shared_ptr<const LayerIndex>> indexes_;
};

}  // namespace

std::int64_t growth_of(const FileDifference& file) {
  const auto size = [](const std::optional<Entry>& entry) {
    return entry && entry->type == Entry::Type::file && entry->hard_link.empty()
               ? static_cast<std::int64_t>(entry->size)
               : 0;
  };
  return size(file.is) - size(file.was);
}

std::int64_t LayerDifferences::growth() const {
  std::int64_t sum = 0;
  for (const FileDifference& file : files) sum += growth_of(file);
  return sum;
}

std::vector<LayerDifferences> compare_images(Store& store, const LayerStack& first,
                                             const LayerStack& second) {
  const Layers before(store, first);
  const Layers after(store, second);
  // What both begin with hides nothing that the other has.
  std::size_t shared = 0;
  while (shared < before.size() && shared < after.size() && before.id(shared) == after.id(shared))
    ++shared;

  std::map<std::pair<Side, std::size_t>, LayerDifferences> found;
  for (FileDifference& file : compare_files(entries_of(store.layers().view(first)),
                                            entries_of(store.layers().view(second)))) {
    // The second image's layers come first.
    auto place = std::make_pair(Side::second, std::size_t{0});
    if (file.is) {
      place.second = after.with(file.path).value_or(0);
    } else if (const auto hiding = after.hiding(file.path); hiding && *hiding >= shared) {
      place.second = *hiding;
    } else {
      place = {Side::first, before.with(file.path).value_or(0)};
    }
    LayerDifferences& layer = found[place];
    layer.side = place.first;
    layer.layer = place.second;
    layer.files.push_back(std::move(file));
  }
  std::vector<LayerDifferences> all;
  for (const Side side : {Side::second, Side::first})
    for (auto& [place, layer] : found)
      if (place.first == side) all.push_back(std::move(layer));
  return all;
}

}  // namespace slipway
