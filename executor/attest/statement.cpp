#include <executor/attest/statement.hpp>

#include <executor/contents/sbom.hpp>
#include <executor/export/merged.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

std::string name_of(const Attestation& attestation, std::string_view platform) {
  std::string name = "provenance";
  if (attestation.predicate_type == spdx_predicate) name = "sbom.spdx";
  if (attestation.predicate_type == cyclonedx_predicate) name = "sbom.cdx";
  if (!platform.empty()) name += "." + std::string(platform);
  return name + ".json";
}

}  // namespace

bool is_provenance(const Attestation& attestation) {
  return attestation.predicate_type.starts_with("https://slsa.dev/provenance/");
}

std::vector<StatementFile> statement_files(const std::vector<Attestation>& attestations,
                                           const StackView& files, std::string_view platform) {
  std::vector<StatementFile> statements;
  if (attestations.empty()) return statements;
  Json subjects = Json::array();
  walk_merged(files, [&](const Entry& entry) {
    if (entry.type != Entry::Type::file) return;
    subjects.push_back({{"name", entry.path}, {"digest", {{"sha256", entry.content.hex()}}}});
  });
  for (const Attestation& attestation : attestations) {
    Json json;
    json["_type"] = "https://in-toto.io/Statement/v1";
    json["subject"] = subjects;
    json["predicateType"] = attestation.predicate_type;
    json["predicate"] = Json::parse(attestation.predicate);
    statements.push_back({name_of(attestation, platform),
                          json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"});
  }
  return statements;
}

}  // namespace slipway
