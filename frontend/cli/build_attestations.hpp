// What a build attests of its images: --provenance, --sbom and --attest.
#pragma once

#include "build_request.hpp"
#include "display.hpp"

#include <cache/images/facts.hpp>
#include <executor/attest/provenance.hpp>
#include <executor/attest/spec.hpp>
#include <executor/solve/solve.hpp>
#include <executor/sources/resolved_source.hpp>
#include <ir/error.hpp>
#include <ir/lower.hpp>
#include <ir/source.hpp>

#include <functional>
#include <string>
#include <vector>

namespace slipway {

class Store;

// A build that was made.
struct BuildMade {
  const LoweredPlatforms& lowered;
  const LowerOptions& options;
  const SourceFile& dockerfile;
  const SolveResult& result;
  const std::vector<ResolvedSource>& sources;  // all that was taken from outside
  // An output has other layers than the result.
  bool reshaped;
};

class BuildAttestations {
 public:
  // Throws Error with a hint for what the flags do not know, before anything is read.
  explicit BuildAttestations(const BuildRequest& request);

  bool empty() const { return spec_.empty(); }

  // Of each image, in their order: bills of materials, then provenance, as BuildKit has them. The
  // results' layers are in the store. What could not be read of them is told to `note`. Throws
  // Error.
  std::vector<std::vector<Attestation>> make(
      const BuildMade& made, Store& store, Display& display,
      const std::function<void(const Diagnostic&)>& note) const;

 private:
  BuildFacts facts_of(const BuildMade& made) const;

  const BuildRequest& request_;
  AttestSpec spec_;
  std::string invocation_;  // of this build and no other
};

}  // namespace slipway
