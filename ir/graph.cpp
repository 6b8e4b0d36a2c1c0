#include <ir/graph.hpp>
#include <ir/key.hpp>

#include <algorithm>
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
  } else {
    // Whoever asks for a run gets one, also where an equal step of another stage would do.
    Vertex& known = vertices_[index_of(place->second)];
    if (!known.ignore_cache) known.ignore_cache = vertex.ignore_cache;
    if (vertex.cache_ttl)
      known.cache_ttl = std::min(known.cache_ttl.value_or(*vertex.cache_ttl), *vertex.cache_ttl);
  }
  return place->second;
}

}  // namespace slipway
