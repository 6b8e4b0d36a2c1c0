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
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace slipway {

enum class VertexId : std::uint32_t {};
constexpr std::size_t index_of(VertexId id) { return static_cast<std::size_t>(id); }

// Who asks that a vertex is run, whatever records say.
enum class IgnoreCache {
  build,      // --no-cache
  stage,      // --no-cache-filter
  directive,  // "# cache: never" above the instruction
};

struct Vertex {
  Operation operation;
  std::vector<VertexId> inputs;  // earlier vertices only: a cycle cannot be written down
  SourceSpan origin;             // the instruction to quote when this vertex fails
  std::string name;              // as progress shows it: "[build 2/5] RUN make"
  std::string stage;             // the stage's name or number; empty for what belongs to none
  std::optional<IgnoreCache> ignore_cache;
  // How long its execution counts, seconds; empty: for ever. Says nothing about the result, so it is
  // in no digest.
  std::optional<std::int64_t> cache_ttl;
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
