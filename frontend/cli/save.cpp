// slipway save: images into an archive.
#include "command.hpp"
#include "owned_store.hpp"
#include "print.hpp"

#include <cache/archive/save.hpp>
#include <executor/export/output_file.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::vector<std::string> images;
  std::string output = "-";
  std::string format = "docker";
  std::vector<std::string> platforms;
};

// The name that was asked for, or none: an ID saves an image without a name, as docker does.
std::optional<Reference> name_in(const std::vector<Reference>& names, const std::string& text) {
  std::optional<Reference> wanted;
  try {
    wanted = parse_reference(text);
  } catch (const Error&) {
    return std::nullopt;  // it was found, so it is an ID
  }
  if (std::find(names.begin(), names.end(), *wanted) == names.end()) return std::nullopt;
  return wanted;
}

// A repository alone stands for all its tags, as for docker.
std::vector<std::string> tags_of(Store& store, const std::string& text) {
  std::optional<Reference> wanted;
  try {
    wanted = parse_reference(text);
  } catch (const Error&) {
    return {text};
  }
  if (wanted->digest || text.ends_with(":" + wanted->tag)) return {text};
  std::vector<std::string> names;
  for (const ImageSummary& image : store.images().list()) {
    for (const Reference& name : image.names) {
      const bool same = name.domain == wanted->domain && name.repository == wanted->repository;
      if (same && !name.tag.empty()) names.push_back(name.text());
    }
  }
  std::sort(names.begin(), names.end());
  return names.empty() ? std::vector{text} : names;
}

int save(const Request& request, const std::filesystem::path& root) {
  std::vector<Platform> platforms;
  for (const std::string& text : request.platforms) platforms.push_back(parse_platform(text));
  OwnedStore owned(root);
  Store& store = owned.store;
  std::vector<ToPack> images;
  std::vector<Digest> ids;  // of `images`: several names of one image are one entry
  std::vector<std::string> wanted;
  for (const std::string& text : request.images) {
    for (std::string& name : tags_of(store, text)) wanted.push_back(std::move(name));
  }
  for (const std::string& text : wanted) {
    const Digest id = store.images().resolve(text);
    std::size_t at = static_cast<std::size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin());
    if (at == ids.size()) {
      ids.push_back(id);
      images.push_back(stored_image(store, id, {}, platforms));
    }
    const std::optional<Reference> name = name_in(store.images().names(id), text);
    std::vector<Reference>& names = images[at].names;
    if (name && std::find(names.begin(), names.end(), *name) == names.end()) {
      names.push_back(*name);
    }
  }
  SaveOptions options;
  options.docker = request.format == "docker";
  if (options.docker) options.pack.layers = docker_layers();
  OutputFile file(request.output);
  save_tar(store, images, options, [&](std::span<const std::byte> bytes) { file.write(bytes); });
  file.finish();
  return 0;
}

}  // namespace

std::function<int()> declare_save(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Writes images into one tar, for `slipway load`, `docker load`, `podman load` and skopeo.");
  app.add_option("image", request->images,
                 "names, IDs or beginnings of IDs; a name without a tag is all its tags")
      ->required()
      ->type_name("IMAGE...");
  app.add_option("-o,--output", request->output, "the file (default: standard output)")
      ->type_name("FILE");
  app.add_option("--format", request->format,
                 "docker (layers as they came, else uncompressed), or oci (an OCI layout, layers "
                 "as they came, else gzipped)")
      ->check(CLI::IsMember({"docker", "oci"}))
      ->type_name("FORMAT");
  app.add_option("--platform", request->platforms,
                 "of an image of several platforms these alone (default: all)")
      ->type_name("OS/ARCH[,...]")
      ->delimiter(',');
  app.footer(R"(
Examples:
  slipway save -o app.tar app:1.2
  slipway save app:1.2 app:1.3 | docker load
  slipway save --format oci -o app.tar app:1.2
)");
  return [request, &globals] { return save(*request, globals.root); };
}

}  // namespace slipway
