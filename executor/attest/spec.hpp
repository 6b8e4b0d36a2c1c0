// What a build attests of its images: the flags --provenance, --sbom and --attest.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct ProvenanceSpec {
  enum class Mode { min, max };
  enum class Version { v0_2, v1 };
  Mode mode = Mode::max;
  Version version = Version::v1;
  std::string builder_id;
  bool reproducible = false;        // says that the user calls the build so
  bool inline_only = false;         // not beside files (type=local, type=tar)
  bool complete_materials = false;  // a build that takes a directory of this machine is refused
  bool operator==(const ProvenanceSpec&) const = default;
};

struct SbomSpec {
  bool spdx = true;
  bool cyclonedx = false;
  bool operator==(const SbomSpec&) const = default;
};

struct AttestSpec {
  std::optional<ProvenanceSpec> provenance;
  std::optional<SbomSpec> sbom;
  bool empty() const { return !provenance && !sbom; }
};

// `attests` are values of --attest; the other two may be empty, which is: not given. Of several
// that say something of the same type the last counts, and --provenance and --sbom after --attest,
// as for buildx. Throws Error with a hint for what is not known.
AttestSpec parse_attest(const std::vector<std::string>& attests, std::string_view provenance,
                        std::string_view sbom);

}  // namespace slipway
