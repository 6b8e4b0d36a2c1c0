// What is attested of images: how they were made, and what is in them.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace slipway;
using Json = nlohmann::json;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string attested(const Workshop& workshop, const std::string& image, const std::string& type) {
  const Finished shown = workshop.slipway({"attestations", image, "--type", type});
  INFO(shown.err);
  REQUIRE(shown.status == 0);
  return shown.out;
}

std::vector<std::string> names_of(const Json& spdx) {
  std::vector<std::string> names;
  for (const Json& package : spdx["packages"]) names.push_back(package["name"]);
  return names;
}

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

TEST_CASE("provenance names what a build took, and nothing of its secrets") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  const std::string secret = "the-bytes-of-the-secret";
  const std::string token = "the-value-of-the-token";
  const std::string proxy = "the-pass-of-the-proxy";
  std::ofstream(workshop.folder() / "secret") << secret;
  workshop.write("data", "1");
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "ARG API_TOKEN\nARG PLAIN\nARG MIRROR\n"
                 "COPY data /data\n"
                 "RUN --mount=type=secret,id=key,env=KEY test -z \"$ABSENT$KEY\" || true\n");
  const Built built =
      workshop.build({"-t", "app", "--provenance=true", "--secret",
                      "id=key,src=" + (workshop.folder() / "secret").string(), "--build-arg",
                      "API_TOKEN=" + token, "--build-arg", "PLAIN=in-the-open", "--build-arg",
                      "MIRROR=http://user:" + proxy + "@mirror.example/"});
  INFO(built.log);
  REQUIRE(built.status == 0);
  const std::string text = attested(workshop, "app", "provenance");
  for (const std::string& value : {secret, token, proxy, workshop.folder().string()}) {
    INFO(value);
    CHECK_FALSE(has(text, value));
  }
  const Json json = Json::parse(text);
  const Json& external = json["buildDefinition"]["externalParameters"];
  CHECK(external["configSource"] == Json::parse(R"({"path":"Dockerfile"})"));
  CHECK(external["request"]["args"]["build-arg:PLAIN"] == "in-the-open");
  CHECK(external["request"]["args"]["build-arg:API_TOKEN"] == "(hidden)");
  CHECK(external["request"]["secrets"] == Json::parse(R"([{"id":"key","optional":true}])"));
  CHECK(external["request"]["locals"] ==
        Json::parse(R"([{"name":"context"},{"name":"dockerfile"}])"));
  const Json& materials = json["buildDefinition"]["resolvedDependencies"];
  REQUIRE(materials.size() == 1);
  CHECK(materials[0]["uri"].get<std::string>().starts_with("pkg:docker/busybox@latest?platform="));
  CHECK(json["runDetails"]["metadata"].contains("startedOn"));
  CHECK(has(text, "llbDefinition"));
  CHECK(json["runDetails"]["metadata"]["buildkit_metadata"]["slipway_diffIds"].size() >= 2);

  const Built short_one = workshop.build({"-t", "app", "--provenance=mode=min,version=v0.2"});
  REQUIRE(short_one.status == 0);
  const std::string minimal = attested(workshop, "app", "https://slsa.dev/provenance/v0.2");
  CHECK_FALSE(has(minimal, "in-the-open"));
  CHECK_FALSE(has(minimal, "llbDefinition"));
}

TEST_CASE("the same build has the same attestations where its time is given") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN echo 1 > /a\n");
  std::string first;
  for (int round = 0; round < 2; ++round) {
    const Built built =
        workshop.build({"-t", "app", "--no-cache", "--provenance=true", "--sbom=format=both",
                        "--build-arg", "SOURCE_DATE_EPOCH=1700000000"});
    INFO(built.log);
    REQUIRE(built.status == 0);
    const std::string all = attested(workshop, "app", "provenance") +
                            attested(workshop, "app", "https://spdx.dev/Document") +
                            attested(workshop, "app", "https://cyclonedx.org/bom");
    if (round == 0) first = all;
    CHECK(all == first);
  }
  CHECK(has(first, "2023-11-14T22:13:20Z"));
}

TEST_CASE(
    "a build that attests nothing takes away what an earlier one attested of the same image") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nLABEL a=b\n");
  REQUIRE(workshop.build({"-t", "app", "--provenance=mode=min"}).status == 0);
  attested(workshop, "app", "provenance");
  REQUIRE(workshop.build({"-t", "app"}).status == 0);
  const Finished none = workshop.slipway({"attestations", "app", "--type", "provenance"});
  CHECK(none.status == 1);
  CHECK(has(none.err, "has no attestation of type \"provenance\""));
}

TEST_CASE("a build under another name leaves what was attested of the same image") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nLABEL a=b\n");
  REQUIRE(workshop.build({"-t", "app:1", "--provenance=mode=min"}).status == 0);
  const std::string said = attested(workshop, "app:1", "provenance");
  REQUIRE(workshop.build({"-t", "app:dev"}).status == 0);
  CHECK(attested(workshop, "app:1", "provenance") == said);
}

TEST_CASE("a mistake in the flags is told before anything is built") {
  Workshop workshop({});
  workshop.write("Dockerfile", "FROM absent.invalid/image\n");
  const Built built = workshop.build({"--sbom=generator=docker/scout-sbom-indexer"});
  CHECK(built.status == 1);
  CHECK(has(built.log, "--sbom: generator="));
}

TEST_CASE("a bill of materials lists what Debian's image has") {
  SKIP_UNLESS_ROOT();
  Workshop workshop({"debian:bookworm"});
  workshop.write("package.json", R"({"name":"left-pad","version":"1.3.0","license":"WTFPL"})");
  workshop.write("Dockerfile",
                 "FROM debian:bookworm\n"
                 "COPY package.json /app/node_modules/left-pad/package.json\n");
  const Built built = workshop.build({"-t", "app", "--sbom=true"});
  INFO(built.log);
  REQUIRE(built.status == 0);
  const Json attached = Json::parse(attested(workshop, "app", "sbom"));
  const std::vector<std::string> names = names_of(attached);
  for (const char* name : {"debian", "libc6", "dpkg", "bash", "left-pad"})
    CHECK(holds(names, name));

  // The same as is found in the image, named by dpkg itself.
  const Finished shown = workshop.slipway({"sbom", "app"});
  REQUIRE(shown.status == 0);
  CHECK(names_of(Json::parse(shown.out)) == names);
  const Finished table = workshop.slipway({"sbom", "--format", "table", "app"});
  CHECK(table.out.starts_with("TYPE"));
  CHECK(has(table.out, "left-pad"));
  const Json cyclonedx =
      Json::parse(workshop.slipway({"sbom", "--format", "cyclonedx", "app"}).out);
  CHECK(cyclonedx["components"].size() == names.size() - 1);
}

TEST_CASE("attestations of files are written beside them, as statements about them") {
  Workshop workshop({});
  workshop.write("data", "1");
  workshop.write("Dockerfile", "FROM scratch\nCOPY data /sub/data\n");
  const std::filesystem::path out = workshop.folder() / "out";
  const Built built = workshop.build(
      {"--provenance=mode=min", "--sbom=format=both", "-o", "type=local,dest=" + out.string()});
  INFO(built.log);
  REQUIRE(built.status == 0);
  for (const char* name : {"provenance.json", "sbom.spdx.json", "sbom.cdx.json"}) {
    const Json json = Json::parse(read(out / name));
    CHECK(json["_type"] == "https://in-toto.io/Statement/v1");
    REQUIRE(json["subject"].size() == 1);
    CHECK(json["subject"][0]["name"] == "sub/data");
    CHECK(json["subject"][0]["digest"]["sha256"] ==
          "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b");
  }
  const std::string tar = (workshop.folder() / "out.tar").string();
  REQUIRE(workshop
              .build({"--attest", "type=provenance,inline-only=true", "--attest", "type=sbom", "-o",
                      "type=tar,dest=" + tar})
              .status == 0);
  const std::string listed = output_of({"tar", "-tf", tar});
  CHECK(has(listed, "sbom.spdx.json"));
  CHECK_FALSE(has(listed, "provenance.json"));

  workshop.write("Dockerfile", "FROM scratch\nCOPY data /provenance.json\n");
  const Built taken =
      workshop.build({"--provenance=true", "-o", "type=local,dest=" + out.string()});
  CHECK(taken.status == 1);
  CHECK(has(taken.log, "has a file \"provenance.json\" of its own"));
}
