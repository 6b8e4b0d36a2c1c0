// slipway sbom: the packages in an image, as a table or as a document that scanners read.
#include "command.hpp"
#include "image_path.hpp"
#include "owned_store.hpp"
#include "print.hpp"
#include "table.hpp"

#include <cache/images/time.hpp>
#include <cache/store.hpp>
#include <executor/contents/sbom.hpp>
#include <executor/solve/image.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string image;
  std::string format = "spdx";
  std::string platform;
};

std::string table_of(const Inventory& contents) {
  std::vector<std::vector<std::string>> rows{{"TYPE", "NAME", "VERSION", "LICENCE"}};
  for (const Package& package : contents.packages) {
    std::string licences;
    for (const std::string& licence : package.licences)
      licences += (licences.empty() ? "" : ", ") + licence;
    rows.push_back({std::string(manager_of(package.type)), printable(package.name),
                    printable(whole_version(package)), printable(licences)});
  }
  return table(rows);
}

int sbom(const Request& request, const std::filesystem::path& root) {
  const std::vector<std::string> formats{"spdx", "cyclonedx", "table"};
  if (std::find(formats.begin(), formats.end(), request.format) == formats.end())
    throw Error("--format does not know " + quoted(request.format))
        .hint(did_you_mean(request.format, formats, "spdx, cyclonedx or table"));
  OwnedStore owned(root);
  Store& store = owned.store;
  const Image image = image_named(store, request.image, request.platform);
  const Inventory contents = find_packages(store.layers().view(image.layers));

  SbomSubject subject;
  const std::vector<Reference> names = store.images().names(store.images().resolve(request.image));
  if (!names.empty()) subject.name = names.front().text();
  subject.created = rfc3339(parse_time(image.config.created).value_or(0));
  subject.tool = "slipway-" SLIPWAY_VERSION;
  if (request.format == "table") {
    print(table_of(contents));
    for (const std::string& note : contents.notes)
      std::fputs(render(Diagnostic{note, {}, "", ""}, "note", use_color()).c_str(), stderr);
  } else {
    print(request.format == "spdx" ? spdx_document(contents, subject)
                                   : cyclonedx_document(contents, subject));
  }
  return 0;
}

}  // namespace

std::function<int()> declare_sbom(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Lists the packages in an image: of dpkg, apk, rpm, npm, Python, cargo and go, as their\n"
      "databases and programs tell of them.");
  app.add_option("image", request->image, "a name, an ID or the beginning of one")
      ->required()
      ->type_name("IMAGE");
  app.add_option("-f,--format", request->format, "spdx (2.3, JSON), cyclonedx (1.6, JSON) or table")
      ->type_name("FORMAT")
      ->capture_default_str();
  app.add_option("--platform", request->platform, "of an image of several platforms, this one's")
      ->type_name("OS/ARCH");
  app.footer(R"(
What could not be read, such as a database of rpm's older versions, is said in the document.

Examples:
  slipway sbom app > app.spdx.json
  slipway sbom --format cyclonedx app | grype
  slipway sbom --format table app
)");
  return [request, &globals] { return sbom(*request, globals.root); };
}

}  // namespace slipway
