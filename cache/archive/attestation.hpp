// Attestations as BuildKit attaches them: a manifest beside the image's in the index, whose layers
// are in-toto statements about it (moby/buildkit, docs/attestations/attestation-storage.md).
#pragma once

#include <cache/images/facts.hpp>
#include <cache/images/manifest.hpp>
#include <ir/platform.hpp>
#include <ir/reference.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// What a statement may be long: what BuildKit takes for one, and half as much again for what is
// around it.
inline constexpr std::uint64_t max_statement_size = std::uint64_t{60} << 20;

// For a part of a package URL: all but what RFC 3986 calls unreserved, and the signs of `plain`.
std::string percent_encoded(std::string_view text, std::string_view plain = {});

// "pkg:docker/app@1.2?platform=linux%2Famd64": the package URL of an image by this name.
std::string package_url(const Reference& name, const Platform& platform);

// The in-toto statement (v1) that says `attestation` of the manifest. Each name is a subject;
// without any the subject is called "_". Throws Error for a predicate that is no JSON.
std::string write_statement(const Attestation& attestation, const Digest& manifest,
                            const std::vector<Reference>& names, const Platform& platform);
// What the statement says, whatever it says it of, the predicate byte for byte; empty: it is none,
// or nested deeper than any honest one. For untrusted bytes.
std::optional<Attestation> read_statement(std::string_view json);

// Nobody asks for it, so nobody runs what is for it: "unknown/unknown".
Platform unknown_platform();

// The manifest of these statements, each a blob of the type in-toto with its predicate's type as
// annotation, about `image`.
Manifest attestation_manifest(const BlobDescriptor& image, std::vector<BlobDescriptor> statements);
// Its descriptor in an index, as it stands there: `manifest` with platform and annotations.
BlobDescriptor attestation_entry(BlobDescriptor manifest, const Digest& image);

}  // namespace slipway
