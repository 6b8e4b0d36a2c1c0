// What a build attests of its images: --provenance, --sbom and --attest.
#pragma once

#include "build_request.hpp"
#include "display.hpp"

#include <cache/images/facts.hpp>
#include <executor/attest/spec.hpp>
#include <executor/solve/solve.hpp>
#include <ir/lower.hpp>
#include <ir/source.hpp>

#include <memory>
#include <string>
#include <vector>

namespace slipway {

class Store;

class BuildAttestations {
 public:
  // Throws Error with a hint for what the flags do not know, before anything is read.
  explicit BuildAttestations(const BuildRequest& request);

  bool empty() const { return spec_.empty(); }
  const AttestSpec& spec() const { return spec_; }

  // Of each image, in their order: bills of materials, then provenance, as BuildKit has them. The
  // results' layers are in the store. What could not be read of them is told in `notes`. Throws
  // Error.
  std::vector<std::vector<Attestation>> make(const LoweredPlatforms& lowered,
                                             const LowerOptions& options,
                                             const SourceFile& dockerfile,
                                             const SolveResult& result, Store& store,
                                             Display& display,
                                             std::vector<Diagnostic>& notes) const;

 private:
  const BuildRequest& request_;
  AttestSpec spec_;
  std::string invocation_;  // of this build and no other
};

}  // namespace slipway
