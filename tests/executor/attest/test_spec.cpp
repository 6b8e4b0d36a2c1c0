#include <executor/attest/spec.hpp>

#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace slipway;

namespace {

std::string refusal(const std::vector<std::string>& attests, const std::string& provenance = "",
                    const std::string& sbom = "") {
  try {
    parse_attest(attests, provenance, sbom);
  } catch (const Error& error) {
    return std::string(error.what()) + " | " + error.diagnostics().front().hint;
  }
  return "";
}

}  // namespace

TEST_CASE("nothing is attested unless it is asked for") {
  CHECK(parse_attest({}, "", "").empty());
  CHECK(parse_attest({}, "false", "0").empty());
  CHECK(parse_attest({"type=sbom,disabled=true"}, "", "").empty());
}

TEST_CASE("provenance is whole unless less is asked for") {
  const ProvenanceSpec whole;
  CHECK(whole.mode == ProvenanceSpec::Mode::max);
  CHECK(parse_attest({}, "true", "").provenance == whole);
  CHECK(parse_attest({"type=provenance"}, "", "").provenance == whole);
  ProvenanceSpec spec;
  spec.mode = ProvenanceSpec::Mode::min;
  spec.version = ProvenanceSpec::Version::v0_2;
  spec.builder_id = "https://ci.example/runs/1,2";
  spec.reproducible = true;
  spec.inline_only = true;
  CHECK(parse_attest({},
                     "mode=min,version=v0.2,\"builder-id=https://ci.example/runs/1,2\","
                     "reproducible=true,inline-only=1",
                     "")
            .provenance == spec);
  CHECK(parse_attest({"type=provenance,mode=full"}, "", "").provenance == whole);
}

TEST_CASE("a bill of materials is SPDX's unless another form is asked for") {
  CHECK(parse_attest({}, "", "true").sbom == SbomSpec{true, false});
  CHECK(parse_attest({}, "", "format=cyclonedx").sbom == SbomSpec{false, true});
  CHECK(parse_attest({"type=sbom,format=both"}, "", "").sbom == SbomSpec{true, true});
}

TEST_CASE("of several the last counts, and the short flags after --attest") {
  CHECK(parse_attest({"type=sbom,format=both", "type=sbom"}, "", "").sbom == SbomSpec{});
  CHECK_FALSE(parse_attest({"type=sbom"}, "", "false").sbom);
  CHECK(parse_attest({"type=provenance,disabled=true"}, "true", "").provenance);
}

TEST_CASE("what the flags do not know is refused with what they know") {
  CHECK(refusal({"type=signature"}) ==
        "--attest has no type \"signature\" | type=provenance or type=sbom");
  CHECK(refusal({"type=provenence"}) ==
        "--attest has no type \"provenence\" | did you mean \"provenance\"?");
  CHECK(refusal({"mode=min"}) ==
        "--attest \"mode=min\" has no type | type=provenance or type=sbom");
  CHECK(refusal({}, "mode=mix") ==
        "--provenance: mode does not know \"mix\" | did you mean \"min\"?");
  CHECK(refusal({}, "version=v2") ==
        "--provenance: version does not know \"v2\" | did you mean \"v1\"?");
  CHECK(refusal({}, "buildr-id=x") ==
        "--provenance has no field \"buildr-id\" | did you mean \"builder-id\"?");
  CHECK(refusal({}, "max") == "--provenance: \"max\" is not NAME=VALUE | true, false, or mode=min");
  CHECK(refusal({}, "reproducible=maybe") ==
        "--provenance: reproducible=\"maybe\" is neither true nor false | ");
  CHECK(refusal({}, "", "format=xml") ==
        "--sbom: format does not know \"xml\" | spdx, cyclonedx or both");
  CHECK(refusal({}, "", "generator=docker/scout").starts_with("--sbom: generator= names an image"));
  CHECK(refusal({"type=sbom,disabled=true,typo=1"}).starts_with("--attest has no field \"typo\""));
}
