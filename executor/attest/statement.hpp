// Attestations beside files (type=local, type=tar): in-toto statements of their own.
#pragma once

#include <cache/images/facts.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class StackView;

bool is_provenance(const Attestation& attestation);

struct StatementFile {
  std::string name;  // "provenance.json", "sbom.spdx.json", "sbom.cdx.json"
  std::string text;
};

// Each attestation as a statement about every regular file of the view, as BuildKit's local
// exporter has them. `platform` is put into the names where it is not empty:
// "provenance.linux_arm64.json".
std::vector<StatementFile> statement_files(const std::vector<Attestation>& attestations,
                                           const StackView& files, std::string_view platform);

}  // namespace slipway
