// COPY, ADD and WORKDIR: plan, look for a record, else write.
#include <executor/solve/explain.hpp>
#include <executor/solve/solver.hpp>

#include <ir/key.hpp>

#include <memory>
#include <utility>

namespace slipway {
namespace {

// All that writing needs, kept alive from the plan to the layer: another process may do the same
// step in between, and this one then waits.
struct PlannedCopy {
  std::vector<const SourceTree*> trees;
  std::vector<std::unique_ptr<SourceTree>> owned;
  StackView below;
  CopyPlan plan;
};

}  // namespace

void Solver::begin_copy(Step& current) {
  const Vertex& vertex = graph_[current.id];
  events_.started(current.id);

  std::vector<const SourceTree*> trees;
  auto owned = own_trees(current, trees);
  const auto* copy = std::get_if<CopyFiles>(&vertex.operation);
  StackView below = view_of(vertex.inputs[0]);
  CopyPlan plan = copy != nullptr
                      ? plan_copy(*copy, trees, below)
                      : plan_directory(std::get<MakeDirectory>(vertex.operation), below);
  auto planned = std::make_shared<PlannedCopy>(std::move(trees), std::move(owned),
                                               std::move(below), std::move(plan));

  current.parts = key_parts(vertex.operation);
  // A --link layer is the same whatever lies below it.
  if (copy == nullptr || !copy->link) {
    current.parts.push_back(stack_part(0, step(vertex.inputs[0]).result.layers));
  }
  for (KeyPart& part : planned->plan.key_parts()) current.parts.push_back(std::move(part));

  const std::shared_ptr<const CopyPlan> files(planned, &planned->plan);
  decide(current, {{std::string(files_part), files}}, [this, &current, planned] {
    current.work_started = now();
    current.staging.emplace(store_.layers().stage());
    const BuiltLayer built =
        write_copy(planned->plan, planned->trees, planned->below, *current.staging);
    current.work_ended = now();
    keep_layer(current, built);
    settle(current);
  });
}

}  // namespace slipway
