// Vertices whose result is there already: base images, contexts, compositions.
#include <executor/solve/solver.hpp>

#include <utility>

namespace slipway {
void Solver::begin_base_image(Step& current, const BaseImage& image) {
  const std::optional<Image> found = store_.images().find(image.config);
  if (!found) {
    throw Error("image " + quoted(image.reference) + " is no longer in the store")
        .hint("build again: it was removed while the build ran");
  }
  // The image itself may be removed while the build runs; from here on its layers stay.
  for (const LayerRef& layer : found->layers) {
    if (store_.layers().find(layer.diff_id)) continue;
    throw Error("the layer " + layer.diff_id.text() + " of image " + quoted(image.reference) +
                " is no longer in the store")
        .hint("build again: it was removed while the build ran");
  }
  current.result.layers = found->layers;
  current.result.created.assign(found->layers.size(), 0);
  settle(current);
}

void Solver::begin_context(Step& current, const ReadContext& context) {
  if (const auto tree = options_.trees.find(context.name); tree != options_.trees.end()) {
    current.result.context = tree->second.get();
    return settle(current);
  }
  const auto found = options_.contexts.find(context.name);
  if (found == options_.contexts.end() || !found->second) {
    throw Error(context.name.empty() ? std::string("this build has no build context")
                                     : "build context " + quoted(context.name) + " is not given")
        .hint(context.name.empty() ? "give a directory as CONTEXT instead of -"
                                   : "--build-context " + context.name + "=PATH");
  }
  // All that any step takes, at one moment: a RUN may come between the first COPY and the last.
  found->second->expect(takings(graph_, current.id, [this](VertexId id) {
    return steps_[index_of(id)] != nullptr;
  }));
  current.result.context = found->second.get();
  settle(current);
}

void Solver::begin_stack(Step& current) {
  for (const VertexId input : graph_[current.id].inputs) {
    const StepResult& below = step(input).result;
    current.result.layers.insert(current.result.layers.end(), below.layers.begin(),
                                 below.layers.end());
    current.result.created.insert(current.result.created.end(), below.created.begin(),
                                  below.created.end());
  }
  settle(current);
}

std::vector<std::unique_ptr<SourceTree>> Solver::own_trees(
    Step& current, std::vector<const SourceTree*>& trees) {
  return input_trees(graph_, current.id,
                     {[this](VertexId id) { return step(id).result.context; },
                      [this](VertexId id) { return view_of(id); }},
                     trees);
}

}  // namespace slipway
