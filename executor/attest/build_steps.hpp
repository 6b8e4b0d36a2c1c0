// The steps of a build as BuildKit's provenance writes them (mode=max): its definition of low-level
// builds (LLB) as JSON, with the members that there are here.
#pragma once

#include <executor/sources/hidden.hpp>
#include <ir/graph.hpp>
#include <ir/layer.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace slipway {

// The vertices that a root needs, inputs first.
std::vector<VertexId> needed_vertices(const Graph& graph, VertexId root);

// Hides what the steps' variables and addresses say is secret. Before anything is told: a variable
// of ENV or of the base image stands in paths and commands of other steps as well.
void learn_hidden(const Graph& graph, Hidden& hidden);

struct BuildSteps {
  std::string config;  // JSON: llbDefinition, digestMapping
  std::string source;  // JSON: the texts, and where in them each step stands; empty: nowhere
  std::string layers;  // JSON: the diffID of each step's layer; empty: none is known
};
// `hidden` has learnt all there is. `dockerfile` is what the Dockerfile is called, wherever on this
// machine it lies.
BuildSteps describe_steps(const Graph& graph, VertexId root, const std::string& dockerfile,
                          const Hidden& hidden,
                          const std::vector<std::pair<VertexId, LayerRef>>& layers);

}  // namespace slipway
