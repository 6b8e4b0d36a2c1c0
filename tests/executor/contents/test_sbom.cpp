#include <executor/contents/licences.hpp>
#include <executor/contents/sbom.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

using namespace slipway;
using Json = nlohmann::json;

namespace {

Inventory sample() {
  Inventory contents;
  contents.distribution = {"debian", "12", "Debian GNU/Linux 12 (bookworm)"};
  Package libc;
  libc.name = "libc6";
  libc.version = "2.36-9+deb12u4";
  libc.architecture = "amd64";
  libc.licences = {"GPL-2+", "LGPL-2.1+ or Expat", "Carnegie's own"};
  libc.source = "glibc";
  libc.supplier = "GNU Libc Maintainers <glibc@example>";
  libc.homepage = "https://glibc.example/";
  libc.found_in = {"/var/lib/dpkg/status"};
  libc.layer = DiffId{sha256("a layer")};
  libc.purl = purl_of(libc, contents.distribution);
  Package scoped;
  scoped.type = Package::Type::npm;
  scoped.name = "@babel/core";
  scoped.version = "7.0.0";
  scoped.licences = {"MIT"};
  scoped.found_in = {"/app/node_modules/@babel/core/package.json", "/app/package-lock.json"};
  scoped.purl = purl_of(scoped, contents.distribution);
  Package rpm;
  rpm.type = Package::Type::rpm;
  rpm.name = "curl";
  rpm.version = "8-1";
  rpm.epoch = "1";
  rpm.licences = {"GPLv2+ and MIT"};
  rpm.supplier = "Fedora Project";
  rpm.found_in = {"/var/lib/rpm/rpmdb.sqlite"};
  rpm.purl = purl_of(rpm, contents.distribution);
  contents.packages = {libc, scoped, rpm};
  contents.notes = {"/a: it is no JSON"};
  return contents;
}

const SbomSubject subject{"docker.io/library/app:1", "2023-11-14T22:13:20Z", "slipway-0.1.0"};

// SLIPWAY_GOLDEN=1 writes the file instead.
void check_golden(const std::string& name, const std::string& text) {
  const std::string path = "cases/" + name;
  if (std::getenv("SLIPWAY_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  CHECK(text == std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace

TEST_CASE("the documents of a list of packages") {
  check_golden("sample.spdx.json", spdx_document(sample(), subject));
  check_golden("sample.cdx.json", cyclonedx_document(sample(), subject));
}

TEST_CASE("an SPDX document has what the schema asks for") {
  const Json json = Json::parse(spdx_document(sample(), subject));
  for (const char* member : {"SPDXID", "creationInfo", "dataLicense", "name", "spdxVersion"})
    CHECK(json.contains(member));
  CHECK(json["creationInfo"].contains("creators"));
  CHECK(std::regex_match(json["creationInfo"]["created"].get<std::string>(),
                         std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")));
  std::set<std::string> ids{"SPDXRef-DOCUMENT"};
  const std::regex id(R"(SPDXRef-[A-Za-z0-9.\-]+)");
  std::set<std::string> references;
  for (const Json& licence : json["hasExtractedLicensingInfos"]) {
    CHECK(licence.contains("extractedText"));
    CHECK(std::regex_match(licence["licenseId"].get<std::string>(),
                           std::regex(R"(LicenseRef-[A-Za-z0-9.\-]+)")));
    references.insert(licence["licenseId"].get<std::string>());
  }
  for (const Json& package : json["packages"]) {
    for (const char* member : {"SPDXID", "downloadLocation", "name"})
      CHECK(package.contains(member));
    const std::string text = package["SPDXID"];
    CHECK(std::regex_match(text, id));
    // Of the schema's words for what a package is for.
    const std::set<std::string> purposes{"", "CONTAINER", "OPERATING_SYSTEM"};
    CHECK(purposes.contains(package.value("primaryPackagePurpose", "")));
    CHECK(ids.insert(text).second);
    // What a licence refers to is in the document.
    const std::string licence = package["licenseDeclared"];
    const std::regex reference(R"(LicenseRef-[A-Za-z0-9.\-]+)");
    for (std::sregex_iterator found(licence.begin(), licence.end(), reference), end; found != end;
         ++found)
      CHECK(references.contains(found->str()));
  }
  std::size_t described = 0;
  for (const Json& relation : json["relationships"]) {
    CHECK(ids.contains(relation["spdxElementId"].get<std::string>()));
    CHECK(ids.contains(relation["relatedSpdxElement"].get<std::string>()));
    described += relation["relationshipType"] == "DESCRIBES" ? 1 : 0;
  }
  CHECK(described == 1);
  CHECK(json["relationships"].size() == json["packages"].size());
  CHECK(json["documentNamespace"].get<std::string>().find('#') == std::string::npos);
}

TEST_CASE("a CycloneDX document has what the schema asks for") {
  const Json json = Json::parse(cyclonedx_document(sample(), subject));
  CHECK(json["bomFormat"] == "CycloneDX");
  CHECK(json["specVersion"] == "1.6");
  CHECK(json["version"] == 1);
  CHECK(std::regex_match(
      json["serialNumber"].get<std::string>(),
      std::regex(
          "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")));
  std::set<std::string> references{"image"};
  for (const Json& component : json["components"]) {
    CHECK(component.contains("type"));
    CHECK(component.contains("name"));
    CHECK(references.insert(component["bom-ref"].get<std::string>()).second);
    for (const Json& licence : component.value("licenses", Json::array())) {
      // An expression stands alone; a licence has an ID or a name.
      CHECK(licence.size() == 1);
      if (licence.contains("expression")) CHECK(component["licenses"].size() == 1);
      if (licence.contains("license"))
        CHECK(licence["license"].contains("id") != licence["license"].contains("name"));
    }
  }
  for (const Json& dependency : json["dependencies"])
    for (const Json& reference : dependency["dependsOn"])
      CHECK(references.contains(reference.get<std::string>()));
}

TEST_CASE("documents differ where contents do, and nowhere else") {
  Inventory other = sample();
  other.packages[0].version = "3";
  const auto name_space = [](const Inventory& contents) {
    return Json::parse(spdx_document(contents, subject))["documentNamespace"].get<std::string>();
  };
  CHECK(name_space(sample()) == name_space(sample()));
  CHECK(name_space(sample()) != name_space(other));
}

TEST_CASE("bytes that are no UTF-8 make no document fail") {
  Inventory contents = sample();
  contents.packages[0].supplier = "Ren\xe9";
  contents.packages[0].found_in = {"/\xff\xfe"};
  CHECK(Json::accept(spdx_document(contents, subject)));
  CHECK(Json::accept(cyclonedx_document(contents, subject)));
}

TEST_CASE("licences are SPDX's where all of a text is known") {
  const auto known = [](const std::string& text) {
    LicenceReferences references;
    const std::string expression = licence_expression(text, references);
    return references.empty() ? expression : "";
  };
  CHECK(known("MIT") == "MIT");
  CHECK(known("apache-2.0") == "Apache-2.0");
  CHECK(known("GPL-2+ or Artistic-2.0, and Expat") == "GPL-2.0-or-later OR Artistic-2.0 AND MIT");
  CHECK(known("(MIT OR Apache-2.0) AND ISC") == "(MIT OR Apache-2.0) AND ISC");
  CHECK(known("GPL-2.0-only WITH Linux-syscall-note") == "GPL-2.0-only WITH Linux-syscall-note");
  for (const char* text : {"", "(", "MIT)", "MIT OR", "OR MIT", "MIT MIT", "(MIT", "MIT WITH x",
                           "(MIT) WITH Linux-syscall-note", "SEE LICENSE IN x"})
    CHECK(known(text).empty());

  LicenceReferences references;
  CHECK(licence_expression("Beerware", references) == "LicenseRef-Beerware");
  const std::string odd = licence_expression("a\"b c", references);
  CHECK(std::regex_match(odd, std::regex(R"(LicenseRef-[A-Za-z0-9.\-]+)")));
  CHECK(odd != licence_expression("a'b c", references));
  CHECK(references.size() == 3);
}
