// What registries and archives say an image is: a manifest or an index, a config, a reference, the
// header by which a registry asks for a login. The first byte says which.
#include "target.hpp"

#include <cache/images/manifest.hpp>
#include <cache/images/store.hpp>
#include <cache/registry/challenge.hpp>
#include <ir/reference.hpp>

#include <algorithm>
#include <array>

namespace slipway::fuzz {
namespace {

void try_manifest(std::string_view json, std::string_view type) {
  const auto read = read_manifest(json, type);
  if (const auto* manifest = std::get_if<Manifest>(&read)) {
    require(manifest->layers.size() <= max_layers, "an image has no more layers than can be mounted");
    const std::string written = write_manifest(*manifest);
    const auto again = read_manifest(written, media_type::oci_manifest);
    const auto* same = std::get_if<Manifest>(&again);
    require(same != nullptr && same->config == manifest->config && same->layers == manifest->layers,
            "a manifest written again is the same manifest");
    require(write_manifest(*same) == written, "a manifest has one document");
    return;
  }
  const auto& index = std::get<ImageIndex>(read);
  const std::string written = write_index(index);
  const auto again = read_manifest(written, media_type::oci_index);
  const auto* same = std::get_if<ImageIndex>(&again);
  require(same != nullptr && same->manifests == index.manifests,
          "an index written again is the same index");
  const BlobDescriptor& chosen = choose_manifest(index, host_platform());
  require(std::any_of(index.manifests.begin(), index.manifests.end(),
                      [&](const BlobDescriptor& entry) { return &entry == &chosen; }),
          "what is chosen is one of the index");
  require(!chosen.annotations.contains("vnd.docker.reference.type") || index.manifests.size() == 1,
          "an attestation is not chosen");
}

void try_config(std::string_view json) {
  const ImageConfig config = read_image_config(json);
  const std::string written = write_image_config(config);
  const ImageConfig again = read_image_config(written);
  require(write_image_config(again) == written, "a config has one document");
  require(again.diff_ids == config.diff_ids && again.entrypoint == config.entrypoint &&
              again.history.size() == config.history.size(),
          "a config written again is the same config");
}

void try_reference(std::string_view text) {
  const Reference reference = parse_reference(text);
  require(parse_reference(reference.text()) == reference, "a reference is the one its text says");
  Reference shown = parse_reference(reference.familiar());
  require(shown == reference, "and the one it is shown as");
  require(reference.repository.find("..") == std::string::npos &&
              reference.text().find_first_of(" \n\t\\?#%") == std::string::npos,
          "nothing of it leads elsewhere in a URL or path");
}

}  // namespace

void try_input(std::string_view input) {
  if (input.empty()) return;
  static constexpr std::array types = {std::string_view(), media_type::oci_manifest,
                                       media_type::oci_index, media_type::docker_manifest,
                                       media_type::docker_list};
  const auto choice = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  try {
    switch (choice % 4) {
      case 0: return try_manifest(input, types[choice / 4 % types.size()]);
      case 1: return try_config(input);
      case 2: return try_reference(input);
      default: break;
    }
  } catch (const Error& error) {
    require(!std::string_view(error.what()).empty(), "a mistake has a message");
    return;
  }
  for (const Challenge& challenge : parse_challenges(input)) {
    require(!challenge.scheme.empty(), "a challenge has a scheme");
    for (const auto& [name, value] : challenge.values)
      require(!name.empty() && value.size() <= input.size(), "a value comes from the header");
  }
}

}  // namespace slipway::fuzz
