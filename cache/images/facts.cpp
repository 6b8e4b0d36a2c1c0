#include <cache/images/facts.hpp>

#include <cache/database.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

std::string repository_of(const Reference& name) { return name.domain + "/" + name.repository; }

Reference with_digest(const std::string& repository, const Digest& digest) {
  Reference name = parse_reference(repository);
  name.tag.clear();
  name.digest = digest;
  return name;
}

// {"annotations": {"manifest": {...}, ...}, "attestations": [{"type": ..., "predicate": "..."}]}:
// predicates are text in it, because their bytes are what a signature may be about.
std::string write(const Attachments& attachments) {
  const Annotations& annotations = attachments.annotations;
  Json json;
  json["annotations"] = {{"manifest", annotations.manifest},
                         {"manifest-descriptor", annotations.manifest_descriptor},
                         {"index", annotations.index},
                         {"index-descriptor", annotations.index_descriptor}};
  json["attestations"] = Json::array();
  for (const Attestation& each : attachments.attestations)
    json["attestations"].push_back({{"type", each.predicate_type}, {"predicate", each.predicate}});
  return json.dump();
}

// What write() wrote, in a store that only its owner can write.
Attachments read(const std::string& text) {
  const Json json = Json::parse(text);
  Attachments attachments;
  Annotations& annotations = attachments.annotations;
  const Json& levels = json.at("annotations");
  levels.at("manifest").get_to(annotations.manifest);
  levels.at("manifest-descriptor").get_to(annotations.manifest_descriptor);
  levels.at("index").get_to(annotations.index);
  levels.at("index-descriptor").get_to(annotations.index_descriptor);
  for (const Json& each : json.at("attestations")) {
    attachments.attestations.push_back(
        {each.at("type").get<std::string>(), each.at("predicate").get<std::string>()});
  }
  return attachments;
}

}  // namespace

bool Annotations::empty() const {
  return manifest.empty() && manifest_descriptor.empty() && index.empty() &&
         index_descriptor.empty();
}

// Another process may remove the image at any moment, and a row that came after that would stay for
// ever: so each is put by a statement that asks as well.

void ImageFacts::put_manifest(const Digest& image, const OriginalManifest& manifest) {
  Query(database_,
        "INSERT OR REPLACE INTO image_manifests (image, media_type, json) "
        "SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM images WHERE id = ?1)")
      .bind(image)
      .bind(manifest.media_type)
      .bind_blob(manifest.json)
      .run();
}

std::optional<OriginalManifest> ImageFacts::manifest(const Digest& image) const {
  Query query(database_, "SELECT media_type, json FROM image_manifests WHERE image = ?");
  if (!query.bind(image).step()) return std::nullopt;
  return OriginalManifest{query.text(0), query.blob(1)};
}

void ImageFacts::put_digest(const Digest& id, const Reference& name, const Digest& digest) {
  Query(database_,
        "INSERT OR IGNORE INTO image_digests (id, repository, digest) SELECT ?1, ?2, ?3 "
        "WHERE EXISTS (SELECT 1 FROM images WHERE id = ?1) "
        "OR EXISTS (SELECT 1 FROM indexes WHERE id = ?1)")
      .bind(id)
      .bind(repository_of(name))
      .bind(digest)
      .run();
}

std::vector<Reference> ImageFacts::forget_digests(const Digest& id, const Reference& name) {
  std::vector<Reference> gone = digests(id);
  std::erase_if(gone, [&](const Reference& each) {
    return each.domain != name.domain || each.repository != name.repository;
  });
  Query(database_, "DELETE FROM image_digests WHERE id = ? AND repository = ?")
      .bind(id)
      .bind(repository_of(name))
      .run();
  return gone;
}

std::vector<Reference> ImageFacts::digests(const Digest& id) const {
  std::vector<Reference> names;
  Query query(database_,
              "SELECT repository, digest FROM image_digests WHERE id = ? ORDER BY 1, 2");
  query.bind(id);
  while (query.step()) names.push_back(with_digest(query.text(0), query.digest(1)));
  return names;
}

std::map<Digest, std::vector<Reference>> ImageFacts::digests() const {
  std::map<Digest, std::vector<Reference>> all;
  Query query(database_, "SELECT id, repository, digest FROM image_digests ORDER BY 2, 3");
  while (query.step())
    all[query.digest(0)].push_back(with_digest(query.text(1), query.digest(2)));
  return all;
}

void ImageFacts::put_attachments(const Digest& id, const Attachments& attachments) {
  if (attachments.empty()) {
    Query(database_, "DELETE FROM attachments WHERE id = ?").bind(id).run();
    return;
  }
  Query(database_,
        "INSERT OR REPLACE INTO attachments (id, json) SELECT ?1, ?2 "
        "WHERE EXISTS (SELECT 1 FROM images WHERE id = ?1) "
        "OR EXISTS (SELECT 1 FROM indexes WHERE id = ?1)")
      .bind(id)
      .bind(write(attachments))
      .run();
}

Attachments ImageFacts::attachments(const Digest& id) const {
  Query query(database_, "SELECT json FROM attachments WHERE id = ?");
  if (!query.bind(id).step()) return {};
  try {
    return read(query.text(0));
  } catch (const Json::exception&) {
    throw Error("the store's database has malformed attachments of the image " + id.text())
        .hint("build the image again");
  }
}

}  // namespace slipway
