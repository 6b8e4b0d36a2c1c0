#include <executor/solve/ready_set.hpp>

#include <algorithm>

namespace slipway {

ReadySet::ReadySet(const Graph& graph, const std::vector<VertexId>& roots) : slots_(graph.size()) {
  // Inputs have smaller ids than what needs them, so one pass from the roots down finds them all.
  for (const VertexId root : roots) slots_[index_of(root)].needed = true;
  for (std::size_t i = index_of(*std::max_element(roots.begin(), roots.end())) + 1; i-- > 0;) {
    if (!slots_[i].needed) continue;
    const VertexId id{static_cast<std::uint32_t>(i)};
    vertices_.push_back(id);
    const auto& inputs = graph[id].inputs;
    slots_[i].unsealed = static_cast<std::uint32_t>(inputs.size());
    slots_[i].unsettled = static_cast<std::uint32_t>(inputs.size());
    for (const VertexId input : inputs) {
      slots_[index_of(input)].needed = true;
      // A vertex that is an input twice counts down twice.
      slots_[index_of(input)].dependents.push_back(id);
    }
  }
  std::reverse(vertices_.begin(), vertices_.end());
  for (Slot& slot : slots_) std::reverse(slot.dependents.begin(), slot.dependents.end());
}

std::vector<VertexId> ReadySet::sources() const {
  std::vector<VertexId> found;
  for (const VertexId id : vertices_) {
    if (slots_[index_of(id)].unsettled == 0) found.push_back(id);
  }
  return found;
}

std::vector<VertexId> ReadySet::count_down(VertexId id, std::atomic<std::uint32_t> Slot::*count) {
  std::vector<VertexId> ready;
  for (const VertexId dependent : slots_[index_of(id)].dependents) {
    if ((slots_[index_of(dependent)].*count).fetch_sub(1) == 1) ready.push_back(dependent);
  }
  return ready;
}

std::vector<VertexId> ReadySet::sealed(VertexId id) {
  if (slots_[index_of(id)].sealed.exchange(true)) return {};
  return count_down(id, &Slot::unsealed);
}

std::vector<VertexId> ReadySet::settled(VertexId id) {
  sealed(id);
  return count_down(id, &Slot::unsettled);
}

std::vector<VertexId> ReadySet::failed(VertexId id) {
  std::vector<VertexId> lost;
  std::vector<VertexId> open{id};
  while (!open.empty()) {
    const VertexId next = open.back();
    open.pop_back();
    for (const VertexId dependent : slots_[index_of(next)].dependents) {
      if (slots_[index_of(dependent)].lost.exchange(true)) continue;
      lost.push_back(dependent);
      open.push_back(dependent);
    }
  }
  return lost;
}

bool ReadySet::is_lost(VertexId id) const { return slots_[index_of(id)].lost; }

std::vector<std::int64_t> longest_remaining(const Graph& graph, const ReadySet& ready,
                                            const std::vector<std::int64_t>& estimates) {
  std::vector<std::int64_t> remaining(graph.size(), 0);
  const auto& vertices = ready.vertices();
  for (auto it = vertices.rbegin(); it != vertices.rend(); ++it) {
    std::int64_t behind = 0;
    for (const VertexId dependent : ready.dependents(*it)) {
      behind = std::max(behind, remaining[index_of(dependent)]);
    }
    remaining[index_of(*it)] = estimates[index_of(*it)] + behind;
  }
  return remaining;
}

}  // namespace slipway
