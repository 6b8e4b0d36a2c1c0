#include <cache/registry/blob_places.hpp>

#include <cache/database.hpp>

namespace slipway {

void BlobPlaces::put(const std::vector<Digest>& blobs, const Reference& name) {
  Transaction transaction(database_);
  for (const Digest& blob : blobs)
    Query(database_,
          "INSERT OR REPLACE INTO blob_places (digest, domain, repository, seen) "
          "VALUES (?, ?, ?, unixepoch())")
        .bind(blob)
        .bind(name.domain)
        .bind(name.repository)
        .run();
  Query(database_, "DELETE FROM blob_places WHERE seen < unixepoch() - 180 * 86400").run();
  transaction.commit();
}

std::vector<std::string> BlobPlaces::elsewhere(const Digest& blob, const Reference& name) const {
  Query query(database_,
              "SELECT repository FROM blob_places WHERE digest = ? AND domain = ? AND "
              "repository <> ? ORDER BY seen DESC, repository LIMIT 3");
  query.bind(blob).bind(name.domain).bind(name.repository);
  std::vector<std::string> repositories;
  while (query.step()) repositories.push_back(query.text(0));
  return repositories;
}

std::optional<std::string> BlobPlaces::upload(const Digest& blob, const Reference& name) const {
  // Registries drop what was begun after a week (distribution's default).
  Query query(database_,
              "SELECT location FROM uploads WHERE digest = ? AND domain = ? AND repository = ? "
              "AND began > unixepoch() - 7 * 86400");
  if (!query.bind(blob).bind(name.domain).bind(name.repository).step()) return std::nullopt;
  return query.text(0);
}

void BlobPlaces::put_upload(const Digest& blob, const Reference& name,
                            const std::optional<std::string>& location) {
  if (!location) {
    Query(database_, "DELETE FROM uploads WHERE digest = ? AND domain = ? AND repository = ?")
        .bind(blob)
        .bind(name.domain)
        .bind(name.repository)
        .run();
    return;
  }
  Transaction transaction(database_);
  Query(database_, "DELETE FROM uploads WHERE began <= unixepoch() - 7 * 86400").run();
  Query(database_,
        "INSERT OR REPLACE INTO uploads (digest, domain, repository, location, began) "
        "VALUES (?, ?, ?, ?, unixepoch())")
      .bind(blob)
      .bind(name.domain)
      .bind(name.repository)
      .bind(*location)
      .run();
  transaction.commit();
}

}  // namespace slipway
