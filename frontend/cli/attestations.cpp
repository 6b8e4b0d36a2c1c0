// slipway attestations: what was attested of an image when it was built.
#include "command.hpp"
#include "print.hpp"
#include "table.hpp"

#include <cache/images/facts.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::string image;
  std::string platform;
  std::string type;
};

struct Attested {
  Platform platform;
  std::vector<Attestation> attestations;
};

// Of an index what was attested of each of its images. At least one; throws Error where there is
// none for the platform.
std::vector<Attested> attested_of(Store& store, const Request& request) {
  const Digest id = store.images().resolve(request.image);
  std::optional<Platform> platform;
  if (!request.platform.empty()) platform = parse_platform(request.platform);
  std::vector<Attested> list;
  const auto add = [&](const Image& image) {
    if (!platform || matches(image.config.platform, *platform))
      list.push_back(
          {image.config.platform, store.image_facts().attachments(image.id).attestations});
  };
  if (const auto index = store.images().find_index(id)) {
    for (const Image& image : index->images) add(image);
  } else if (const auto image = store.images().find(id)) {
    add(*image);
  }
  if (!list.empty()) return list;
  Error missing("the image " + quoted(request.image) + " is not in the store" +
                (platform ? " for " + platform->text() : ""));
  if (platform) missing.hint("slipway pull --platform " + platform->text() + " " + request.image);
  throw missing;
}

// "provenance" and "sbom" are words for any of their types.
bool is_of_type(const Attestation& attestation, const std::string& type) {
  const std::string& predicate = attestation.predicate_type;
  if (type == "provenance") return predicate.starts_with("https://slsa.dev/provenance/");
  if (type == "sbom")
    return predicate.find("spdx.dev") != predicate.npos ||
           predicate.find("cyclonedx.org") != predicate.npos;
  return predicate == type;
}

// Of several platforms this machine's or the first, as ImageStore::find() has it. `list` has one.
const Attested& one_of(const std::vector<Attested>& list, const Request& request) {
  const Platform wanted =
      request.platform.empty() ? host_platform() : parse_platform(request.platform);
  const Attested* match = nullptr;
  for (const Attested& each : list) {
    if (each.platform == wanted) return each;
    if (match == nullptr && matches(each.platform, wanted)) match = &each;
  }
  return match != nullptr ? *match : list.front();
}

int attestations(const Request& request, const std::filesystem::path& root) {
  Store store(root);
  const std::vector<Attested> list = attested_of(store, request);
  if (request.type.empty()) {
    std::vector<std::vector<std::string>> rows{{"PLATFORM", "PREDICATE TYPE", "SIZE"}};
    for (const Attested& each : list)
      for (const Attestation& attestation : each.attestations)
        rows.push_back({each.platform.text(), printable(attestation.predicate_type),
                        size_text(attestation.predicate.size())});
    print(table(rows));
    return 0;
  }
  const Attested& chosen = one_of(list, request);
  for (const Attestation& attestation : chosen.attestations) {
    if (!is_of_type(attestation, request.type)) continue;
    print(attestation.predicate);
    return 0;
  }
  throw Error("the image " + quoted(request.image) + " has no attestation of type " +
              quoted(request.type) + (list.size() > 1 ? " for " + chosen.platform.text() : ""))
      .hint("slipway attestations " + request.image + " lists those that it has");
}

}  // namespace

std::function<int()> declare_attestations(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Lists what was attested of an image when it was built, or prints one of it.");
  app.add_option("image", request->image, "a name, an ID or the beginning of one")
      ->required()
      ->type_name("IMAGE");
  app.add_option("--type", request->type,
                 "print the predicate of this type: provenance, sbom, or its whole name")
      ->type_name("TYPE");
  app.add_option("--platform", request->platform, "of an image of several platforms, this one's")
      ->type_name("OS/ARCH");
  app.footer(R"(
Examples:
  slipway build --provenance=true --sbom=true -t app .
  slipway attestations app
  slipway attestations app --type provenance | jq .buildDefinition.resolvedDependencies
)");
  return [request, &globals] { return attestations(*request, globals.root); };
}

}  // namespace slipway
