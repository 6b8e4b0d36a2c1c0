// What is known of an image beside its config: what registries call it, the manifest it came as,
// and what was said of it when it was built.
#pragma once

#include <ir/digest.hpp>
#include <ir/reference.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;

// Annotations by what they stand on (image-spec, annotations.md; `--annotation LEVEL:KEY=VALUE`).
struct Annotations {
  std::map<std::string, std::string> manifest;
  std::map<std::string, std::string> manifest_descriptor;  // the manifest's entry in an index
  std::map<std::string, std::string> index;
  std::map<std::string, std::string> index_descriptor;     // the index's entry in an OCI layout

  bool empty() const;
  bool operator==(const Annotations&) const = default;
};

// What is attested of one image (in-toto attestation framework, v1). The statement around it names
// the manifest as its subject, and is therefore made when the image leaves the store.
struct Attestation {
  std::string predicate_type;  // "https://slsa.dev/provenance/v1"
  std::string predicate;       // JSON
  bool operator==(const Attestation&) const = default;
};

struct Attachments {
  Annotations annotations;
  std::vector<Attestation> attestations;
  bool empty() const { return annotations.empty() && attestations.empty(); }
  bool operator==(const Attachments&) const = default;
};

// A manifest as it came, byte for byte.
struct OriginalManifest {
  std::string media_type;
  std::string json;
};

// Of images and indexes of the store, by their IDs; what is known of one ends with it, and of one
// that is not there (any more) nothing is kept. Safe for any number of threads and processes.
class ImageFacts {
 public:
  explicit ImageFacts(Database& database) : database_(database) {}

  // Takes the place of what was known.
  void put_manifest(const Digest& image, const OriginalManifest& manifest);
  std::optional<OriginalManifest> manifest(const Digest& image) const;

  // That the repository of `name` has the image or index under this digest of a manifest or index.
  void put_digest(const Digest& id, const Reference& name, const Digest& digest);
  // What the repository of `name` calls it, which is no longer so; gives what it was.
  std::vector<Reference> forget_digests(const Digest& id, const Reference& name);
  // "name@digest", sorted.
  std::vector<Reference> digests(const Digest& id) const;
  // The same of all.
  std::map<Digest, std::vector<Reference>> digests() const;

  // Takes the place of what was attached; nothing attached is nothing kept.
  void put_attachments(const Digest& id, const Attachments& attachments);
  Attachments attachments(const Digest& id) const;

 private:
  Database& database_;
};

}  // namespace slipway
