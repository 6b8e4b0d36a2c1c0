#include <ir/graph.hpp>
#include <ir/key.hpp>

#include <stdexcept>
#include <utility>

namespace slipway {

VertexId Graph::add(Vertex vertex) {
  std::vector<DefinitionDigest> inputs;
  inputs.reserve(vertex.inputs.size());
  for (const VertexId input : vertex.inputs) {
    if (index_of(input) >= vertices_.size())
      throw std::logic_error("a vertex was added before its input");
    inputs.push_back(definitions_[index_of(input)]);
  }
  const DefinitionDigest definition = definition_digest(vertex.operation, inputs);
  const VertexId next{static_cast<std::uint32_t>(vertices_.size())};
  const auto [place, added] = by_definition_.try_emplace(definition, next);
  if (added) {
    vertices_.push_back(std::move(vertex));
    definitions_.push_back(definition);
  } else if (vertex.ignore_cache) {
    // Whoever asks for a run gets one, also where an equal step of another stage would do.
    vertices_[index_of(place->second)].ignore_cache = true;
  }
  return place->second;
}

}  // namespace slipway
