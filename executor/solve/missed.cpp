// A step that missed: what it is compared with, and the reason.
#include <executor/solve/explain.hpp>
#include <executor/solve/solver.hpp>

#include <algorithm>
#include <utility>

namespace slipway {

// Nothing is lost by it: when the step gives the same files again, the earlier layer stays.
bool Solver::is_too_old(Step& current, const Record& record) const {
  if (!is_expired(graph_[current.id], record)) return false;
  current.before = record;
  current.expired = true;
  return true;
}

void Solver::explain(Step& current) {
  const Vertex& vertex = graph_[current.id];
  if (std::string image = input_image(graph_, vertex); !image.empty())
    current.files.push_back({std::string(input_image_part), std::move(image)});

  std::optional<Baseline> baseline;
  if (current.before) {  // by its own key, but too old, or without its files
    baseline = Baseline{*current.before};
  } else if (auto same = vertex.ignore_cache ? store_.records().find(*current.key) : std::nullopt) {
    baseline = Baseline{std::move(*same)};
  } else {
    baseline = baselines_.find(current.id, current.parts, [this](const CacheKey& key) {
      const std::lock_guard lock(mutex_);
      return std::find(used_.begin(), used_.end(), key) != used_.end();
    });
  }
  const auto gave_other_files = [this](VertexId id) {
    const VertexReport& report = step(id).report;
    return report.outcome == VertexReport::Outcome::ran && !report.same_tree;
  };
  static_cast<Miss&>(current.report) = explain_miss(
      {graph_, current.id, *current.key, current.parts, current.files, baseline, current.expired},
      store_.records(), gave_other_files);
  if (baseline) current.before = std::move(baseline->record);
}

}  // namespace slipway
