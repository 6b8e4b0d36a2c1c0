// How an image was made, as SLSA's provenance has it (slsa.dev/spec/v1.1/provenance), with the
// members that BuildKit's has (its docs/attestations/slsa-definitions.md).
#pragma once

#include <executor/attest/spec.hpp>
#include <executor/sources/hidden.hpp>
#include <executor/sources/resolved_source.hpp>
#include <ir/graph.hpp>
#include <ir/layer.hpp>
#include <ir/lower.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// A build that was made, as far as provenance tells of it. All of it may have secrets in it: what
// is hidden does not get into the predicate.
struct BuildFacts {
  std::string dockerfile;  // its path in the context, or its name
  std::string context;     // a URL; empty: a directory, or a tar, of this machine's
  std::map<std::string, std::string> build_args;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> options;   // further ones, as BuildKit calls them: "target"
  std::map<std::string, std::string> contexts;  // --build-context that are not of this machine
  std::vector<std::string> locals;  // directories of this machine that were read, by their names
  std::vector<ResolvedSource> sources;
  std::vector<std::pair<VertexId, LayerRef>> layers;  // that were made, or found, by a step each
  Platform builder;
  std::string version;     // slipway's
  std::string invocation;  // of this build and no other; empty: left out
  std::string started;     // RFC 3339; empty: left out
  std::string finished;
};

// What the predicate is called.
std::string_view predicate_type(ProvenanceSpec::Version version);

// JSON, of one platform's image. The same facts give the same bytes. Throws Error where the spec
// wants complete materials and they are not.
std::string provenance(const ProvenanceSpec& spec, const BuildFacts& facts, const Graph& graph,
                       const PlatformImage& image);

}  // namespace slipway
