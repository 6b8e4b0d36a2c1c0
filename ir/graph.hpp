// The build graph: what has to happen, never how or when.
//
// Filled once, by lower(), and only read from then on, so any number of threads may walk it. How
// far a build has got is the scheduler's business.
#pragma once

#include <ir/digest.hpp>
#include <ir/operation.hpp>
#include <ir/source.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace slipway {

enum class VertexId : std::uint32_t {};
constexpr std::size_t index_of(VertexId id) { return static_cast<std::size_t>(id); }

struct Vertex {
  Operation operation;
  std::vector<VertexId> inputs;  // earlier vertices only: a cycle cannot be written down
  SourceSpan origin;             // the instruction to quote when this vertex fails
  std::string name;              // as progress shows it: "[build 2/5] RUN make"
  std::string stage;             // the stage's name or number; empty for what belongs to none
  bool ignore_cache = false;     // --no-cache, --no-cache-filter: run, whatever records say
};

class Graph {
 public:
  // Adds a vertex, or gives the one with an equal definition digest that is there already.
  // Throws std::logic_error if an input has not been added before.
  VertexId add(Vertex vertex);

  const Vertex& operator[](VertexId id) const { return vertices_[index_of(id)]; }
  const DefinitionDigest& definition(VertexId id) const { return definitions_[index_of(id)]; }
  std::size_t size() const { return vertices_.size(); }

 private:
  std::vector<Vertex> vertices_;
  std::vector<DefinitionDigest> definitions_;  // of the same index
  std::unordered_map<DefinitionDigest, VertexId> by_definition_;
};

}  // namespace slipway
