#include <executor/containers/container_tree.hpp>

#include <cache/room/tree_size.hpp>
#include <cache/store.hpp>
#include <executor/containers/own_layer.hpp>

#include <algorithm>

namespace slipway {

std::vector<ContainerChange> container_changes(Store& store, const Container& container) {
  using Kind = ContainerChange::Kind;
  std::vector<ContainerChange> changes;
  OwnLayer(store, container)
      .changes()
      .for_each([&changes](const Entry& entry, const std::optional<Entry>& below) {
        if (entry.path.empty()) return;  // docker never lists the root
        const Kind kind = entry.type == Entry::Type::whiteout ? Kind::deleted
                          : below                             ? Kind::changed
                                                              : Kind::added;
        changes.push_back({kind, "/" + entry.path});
      });
  // Not in path order: as docker sorts them.
  std::sort(changes.begin(), changes.end(),
            [](const ContainerChange& left, const ContainerChange& right) {
              return left.path < right.path;
            });
  return changes;
}

ContainerSize container_size(Store& store, const Container& container) {
  ContainerSize size;
  size.own = measure_tree(store.containers().folder(container.id) / "upper").bytes;
  size.whole = size.own;
  for (const LayerRef& layer : container.layers) size.whole += layer.size;
  return size;
}

}  // namespace slipway
