// Manifests and image indexes: what a registry or an archive says an image consists of.
//
// OCI's (image-spec, manifest.md and image-index.md) and docker's schema 2, which differ in their
// media types only. All that is read here is untrusted: reading is total and bounded.
#pragma once

#include <ir/digest.hpp>
#include <ir/platform.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slipway {

// What registries accept for a manifest (distribution-spec, "Pushing Manifests"); configs are
// held to twice that, since they repeat every label and history line.
inline constexpr std::uint64_t max_manifest_size = 4 << 20;
inline constexpr std::uint64_t max_config_size = 8 << 20;
// The kernel's limit for one overlay mount (OVL_MAX_STACK).
inline constexpr std::size_t max_layers = 500;

namespace media_type {
inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar";
// The two bytes "{}", for a manifest that has no config.
inline constexpr std::string_view oci_empty = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view docker_list =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_manifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view docker_layer = "application/vnd.docker.image.rootfs.diff.tar";
// Attestations (moby/buildkit, docs/attestations/attestation-storage.md).
inline constexpr std::string_view attestation_manifest =
    "application/vnd.docker.attestation.manifest.v1+json";  // an artifactType
inline constexpr std::string_view in_toto = "application/vnd.in-toto+json";
}  // namespace media_type

// On the descriptor of an attestation's manifest, in an index: what it is, and of which manifest.
inline constexpr std::string_view reference_type_annotation = "vnd.docker.reference.type";
inline constexpr std::string_view reference_digest_annotation = "vnd.docker.reference.digest";

// A blob that another document points to (image-spec, descriptor.md).
struct BlobDescriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;  // bytes
  std::optional<Platform> platform;
  std::map<std::string, std::string> annotations;
  std::string data{};  // the blob itself, in base64; only written
  bool operator==(const BlobDescriptor&) const = default;
};

struct Manifest {
  BlobDescriptor config;
  std::vector<BlobDescriptor> layers;  // lowest first
  std::map<std::string, std::string> annotations{};
  std::string media_type{media_type::oci_manifest};
  // The next two are only written, and only of attestations.
  std::string artifact_type{};
  std::optional<BlobDescriptor> subject{};
};

struct ImageIndex {
  std::vector<BlobDescriptor> manifests;
  std::map<std::string, std::string> annotations{};
  std::string media_type{media_type::oci_index};
};

// Reads either. `type` is what the document was announced as; empty: it says so itself. Throws
// Error for anything but an image's manifest or an index of them: schema 1, artifacts, layers that
// are not distributed with the image, documents that could be read as both (CVE-2021-41190).
std::variant<Manifest, ImageIndex> read_manifest(std::string_view json, std::string_view type);

// The manifest of the index that serves `wanted`: an equal platform before one that merely
// matches, otherwise the first. Attestations are never chosen. Throws Error naming the platforms
// there are.
const BlobDescriptor& choose_manifest(const ImageIndex& index, const Platform& wanted);

// The in-toto statements that an attestation's manifest lists, as it was found by an index. Throws
// Error for what is malformed.
std::vector<BlobDescriptor> read_attestation_manifest(std::string_view json);

// The same values, the same bytes.
std::string write_manifest(const Manifest& manifest);
std::string write_index(const ImageIndex& index);
std::string write_descriptor(const BlobDescriptor& descriptor);

}  // namespace slipway
